"""Gradient blending: how much each modality's loss counts, by how much it overfits."""

from collections.abc import Sequence
from dataclasses import dataclass

from gazeshift.json_types import Json

Three = tuple[float, float, float]
"""A number for both modalities, for the image alone, and for the text alone."""


@dataclass(frozen=True)
class Blend:
    """The weights of three losses, and the losses that they are estimated from.

    Attributes:
        weights: sum to 1.
        train: mean losses of the epoch before, on the training pairs; None before the first.
        validation: the same on the validation pairs.
    """

    weights: Three = (1 / 3, 1 / 3, 1 / 3)
    train: Three | None = None
    validation: Three | None = None

    @classmethod
    def of(cls, values: Json) -> "Blend":
        """From what a checkpoint holds."""
        train, validation = (None if values[side] is None else _three(values[side]) for side in ("train", "validation"))
        return cls(_three(values["weights"]), train, validation)

    def after(self, train: Sequence[float], validation: Sequence[float]) -> "Blend":
        """The blend of the next epoch.

        A loss weighs ``G / O ** 2``: what it gained on the validation pairs, over the square of by how much the gap to the training pairs
        grew (Wang, Tran and Feiszli, "What makes training multi-modal classification networks hard?", CVPR 2020, equation 4, from
        one epoch to the next). One that gained nothing weighs nothing; if none did, the weights stay.

        Example:
            >>> before = Blend(train=(1.0, 1.0, 1.0), validation=(1.0, 1.0, 1.0))
            >>> [round(weight, 2) for weight in before.after((0.4, 0.4, 0.8), (0.6, 0.8, 1.1)).weights]
            [0.89, 0.11, 0.0]
        """
        now: tuple[Three, Three] = (_three(train), _three(validation))
        if self.train is None or self.validation is None:
            return Blend(self.weights, *now)
        worth = []
        for old_train, old, new_train, new in zip(self.train, self.validation, *now, strict=True):
            gained, overfitted = old - new, (new - new_train) - (old - old_train)
            worth.append(max(gained, 0.0) / max(overfitted**2, _LEAST**2))
        total = sum(worth)
        return Blend(_three([each / total for each in worth]) if total > 0 else self.weights, *now)


_LEAST = 1e-3  # a gap that does not grow would have all the weight


def _three(values: Sequence[float]) -> Three:
    one, two, three = values
    return one, two, three
