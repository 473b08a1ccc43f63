"""The fusions by name. Each stands in a file of its own family and enters itself with the decorator ``fusion``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gazeshift.models.fusions.fusion import Fusion, Structure, Widths
from gazeshift.models.spec import HeadSpec

Build = Callable[[Widths, HeadSpec], Fusion]
"""A fusion's class, or a function: from widths and settings to a fusion with random weights."""


@dataclass(frozen=True)
class Head:
    """How a fusion is built, and its properties."""

    build: Build
    structure: Structure


B = TypeVar("B", bound=Build)

HEADS: dict[str, Head] = {}
"""Every fusion, and the models of one modality: fusions that ignore the other."""


def fusion(name: str, structure: Structure) -> Callable[[B], B]:
    """Enter a fusion under a name.

    Args:
        name: by which a study, a model's file and the command line know it.
        structure: what it can do; ``tests/models/fusions`` tries whether that is so.

    Example:
        >>> from gazeshift.models.fusions.grid import FiLM
        >>> HEADS["film"].build is FiLM
        True
    """

    def enter(build: B) -> B:
        if name in HEADS:
            raise ValueError(f"there is a fusion {name!r} already: {HEADS[name].build}")
        HEADS[name] = Head(build, structure)
        return build

    return enter
