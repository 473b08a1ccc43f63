"""The models trained to test the instrument: one entry each, as changes to a common plate, caption, head or trunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gazeshift.data.plates import PlatesConfig

BASE: Mapping[str, Any] = {
    "objects": (3, 3),
    "n_dishes": 5,
    "n_colours": 6,
    "kappa_target": 0.0,
    "kappa_distractor": 0.0,
    "prior": None,
    "occlusion": 0.0,
    "clutter": 0.2,
    "mix": {"colour": 1.0},
}
"""Three dishes anywhere on the plate, equally likely to be referred to, each in its own colour; the caption names the colour."""

PULLED: Mapping[str, Any] = {"kappa_target": 0.9}
"""Plates whose referred dish is pulled to the centre, while the others are not."""


@dataclass(frozen=True)
class Setting:
    """One model to train.

    Attributes:
        plates: the differences from ``BASE``.
        head: a name in ``gazeshift.models.HEADS``.
        places: what the trunk's features tell of places, names in ``gazeshift.instrument.places.PLACES``.
        shuffled: whether the training texts are shuffled across scenes.
        patience: factor on the usual number of epochs.
    """

    plates: Mapping[str, Any] = field(default_factory=dict)
    head: str = "early-fusion"
    places: tuple[str, ...] = ()
    shuffled: bool = False
    patience: int = 1

    def config(self, size: int, train: int, test: int, seed: int) -> PlatesConfig:
        """The scenes and captions, for an image size and number of scenes."""
        return PlatesConfig(**{**BASE, **self.plates}, size=size, train=train, test=test, seed=seed)


_POSITIONS = {"objects": (2, 2), "mix": {"position": 1.0}, "positions": ("left", "right", "top", "bottom")}

_ALL = ("x", "y", "distance")

NAMING: Mapping[str, Any] = {"mix": {"dish": 1.0}}
"""Captions that always name the dish."""

SILENT: Mapping[str, Any] = {"mix": {"useless": 1.0}}
"""Captions that say nothing of any dish."""

_HALF = {"mix": {"dish": 1.0, "useless": 1.0}}
"""Captions that name the dish half of the time: a model that never needed the picture would have no map worth a question."""

SETTINGS: dict[str, Setting] = {
    "random captions": Setting({"mix": {"random": 1.0}}),
    "colour": Setting(),
    "colour, linear": Setting(head="early-linear"),
    "colour, shuffled": Setting(shuffled=True),
    "position": Setting(_POSITIONS, patience=3),
    "position, coordinates": Setting(_POSITIONS, places=("x", "y"), patience=3),
    "label": Setting(_HALF),
    "label, late": Setting(_HALF, head="late-fusion"),
    "label, image": Setting(_HALF, head="image-only"),
    "spread, image": Setting(head="image-only", places=_ALL, patience=3),
    "pulled, image": Setting(PULLED, head="image-only", places=_ALL, patience=3),
    "shortcut": Setting({"rho": 1.0}),
}
