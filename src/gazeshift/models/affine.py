"""The optional constant affine before the tap: ``(A - mean) / deviation``, channel by channel."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Affine:
    """``(A - mean) / deviation`` on a grid, and the way back.

    Attributes:
        mean: what is subtracted from each channel; a single value applies to all.
        deviation: what each channel is divided by; a single value applies to all.

    Example:
        >>> affine = Affine(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]))
        >>> grid = torch.ones(1, 2, 3, 3)
        >>> affine.apply(grid)[0, :, 0, 0], bool((affine.undo(affine.apply(grid)) == grid).all())
        (tensor([0., 1.]), True)
    """

    mean: Float[Tensor, " c"]
    deviation: Float[Tensor, " c"]

    @property
    def is_identity(self) -> bool:
        """Whether it leaves every grid unchanged."""
        return not self.mean.any() and bool((self.deviation == 1).all())

    @property
    def identity(self) -> "Affine":
        """The identity of the same size."""
        return Affine(torch.zeros_like(self.mean), torch.ones_like(self.deviation))

    def apply(self, grid: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """The grid behind it."""
        return (grid - self.mean[:, None, None]) / self.deviation[:, None, None]

    def undo(self, grid: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """The grid before it."""
        return grid * self.deviation[:, None, None] + self.mean[:, None, None]


NO_AFFINE = Affine(torch.zeros(1), torch.ones(1))
"""Replaces the affine in a trunk that has no place for one before the tap."""
