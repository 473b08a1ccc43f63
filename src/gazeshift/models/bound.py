"""A model with the images and texts it is asked about, seen from its tap on: all that explanations need from any model."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models.affine import Affine
from gazeshift.models.bottleneck import Bottleneck
from gazeshift.models.features import TokenPlaces
from gazeshift.models.modes import HasModes


def predicted(logits: Float[Tensor, "r classes"]) -> Int[Tensor, " r"]:
    """The class with the largest logit, ignoring NaN.

    Example:
        >>> predicted(torch.tensor([[1.0, torch.nan, 2.0]]))
        tensor([2])
    """
    return logits.masked_fill(logits.isnan(), -torch.inf).argmax(1)


@runtime_checkable
class Bound(HasModes, Protocol):
    """A model bound to images and texts. Its trunk has run; what follows the tap can be asked again, row by row.

    Its modules' modes belong to it, so that they can be restored. Rows are numbers: a *grid row* is a row of ``grid``, a *text row* is one
    of the texts. Where the text enters after the tap there is one grid per image; where it enters before, one per image and text.
    """

    @property
    def grid(self) -> Float[Tensor, "n c h w"]:
        """What the trunk gave at the tap."""

    @property
    def pools_first(self) -> bool:
        """Whether everything after the tap depends on the grid only through its mean."""

    @property
    def bottleneck(self) -> Bottleneck | None:
        """The same tail in two steps, before the text comes in and after; None if they are not known apart."""

    @property
    def affine(self) -> Affine:
        """The constant affine just before the tap; the identity if there is none."""

    @property
    def step(self) -> float:
        """The coarsest relative precision of the computation after the tap."""

    def places(self) -> TokenPlaces:
        """Positions of the grid's cells among the tokens that attend to each other after the tap; only used by attention methods.

        Raises:
            UsageError: unknown for this model.
        """

    @property
    def passes(self) -> int:
        """How many passes of the model the logits take, one for each of its classes; 1 if one gives them all."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the model is explained, one sentence each; usually none."""

    @property
    def tolerance(self) -> float:
        """How far the logits of two passes may lie apart, as a share of the largest; beyond it the model keeps state between passes."""

    def known_logits(self, grid_row: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Float[Tensor, "p classes"] | None:
        """Logits of combinations that were computed when the model was bound; None if they have yet to be computed."""

    def grid_rows(self, image: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
        """The grid row of each combination of an image and a text (indices)."""

    def logits(
        self, grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        """Logits from the tap on.

        Args:
            grids: in the place of the model's own; 1 x 1 means are enough if the model pools first.
            grid_row: the grid row that each stands for: what the model knows of the image besides the grid (a class token) is that row's.
            text: the text row of each.
        """

    def pixels(self, grid_row: int) -> Float[Tensor, "3 H W"]:
        """The image of a grid row as it can be changed; 0 is the mean colour of the model's normalisation.

        Raises:
            UsageError: unknown for this model.
        """

    def look_again(
        self, images: Float[Tensor, "m 3 H W"], grid_row: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """Logits of changed images with each of some texts: the trunk runs again.

        Args:
            images: like ``pixels(grid_row)``.
            grid_row: whose image was changed.
            text: text rows.
        """
