"""How a model came to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """What ``config.json`` says besides the model itself; empty for a model that was built here and not saved yet.

    Attributes:
        data: what it was trained on: format, fingerprint, options that change texts.
        training: how: recipe, seed, epochs.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
