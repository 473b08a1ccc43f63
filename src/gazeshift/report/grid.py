"""Grids that fill their width: the number of columns for a number of items, so that no row is nearly empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType


@dataclass(frozen=True)
class Grid:
    """A grid of items of one width whose rows are all full.

    Attributes:
        columns: number of columns.
        first: number of columns the first item spans, so that the last row is full.
    """

    columns: int
    first: int


PICTURES: Mapping[str, int] = MappingProxyType({"l": 7, "m": 4, "s": 2, "p": 6})
"""Maximum number of picture columns on a large, a medium and a small screen and in print."""

CARDS: Mapping[str, int] = MappingProxyType({"l": 4, "m": 4, "s": 2, "p": 4})
MEANS: Mapping[str, int] = MappingProxyType({"l": 8, "m": 6, "s": 3, "p": 8})

ROOMY: Mapping[str, int] = MappingProxyType({"l": 3, "m": 2, "s": 1, "p": 2})
"""Up to this many columns, an item's words fit next to its picture instead of under it."""


def grid(items: int, most: int) -> Grid:
    """As few rows as ``most`` columns allow, then as few columns as hold all items; the first item spans the remaining columns.

    Example:
        >>> grid(4, 7), grid(13, 7)
        (Grid(columns=4, first=1), Grid(columns=7, first=2))
    """
    rows = max(1, ceil(items / most))
    columns = max(1, ceil(items / rows))
    return Grid(columns, 1 + rows * columns - max(1, items))


def style(items: int, most: Mapping[str, int]) -> str:
    """Custom properties for the style sheet: for every width the columns, and how many of them the first item spans.

    Example:
        >>> style(3, {"l": 7, "s": 2})
        '--l:3;--l1:1;--s:2;--s1:2'
    """
    found = {width: grid(items, limit) for width, limit in most.items()}
    return ";".join(f"--{width}:{one.columns};--{width}1:{one.first}" for width, one in found.items())


def classes(items: int) -> str:
    """Classes of a grid of pictures: at which widths all items, or the first one, have their words next to the picture.

    Example:
        >>> classes(3)
        'l-beside s-first'
    """
    found = {width: grid(items, limit) for width, limit in PICTURES.items()}
    beside = [f"{width}-beside" for width, one in found.items() if one.columns <= ROOMY[width]]
    first = [f"{width}-first" for width, one in found.items() if one.first > 1]
    return " ".join([*beside, *first])
