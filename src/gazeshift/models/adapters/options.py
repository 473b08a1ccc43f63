"""A bound model whose inputs hold several rows for a text, one for each class, or one row for all texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.affine import Affine
from gazeshift.models.features import TokenPlaces


@dataclass(frozen=True, eq=False)
class BoundRows:
    """Texts as rows of a model's text input: ``gazeshift.models.bound.Bound``.

    Attributes:
        bound: the model; its text rows are those of its input.
        rows: for each text its rows. With several, the outputs of all are the logits, one after the other.

    Raises:
        ModelError: the rows of one text have different grids, because they reach the tap.
    """

    bound: BoundModule
    rows: Int[Tensor, "t k"]

    def __post_init__(self) -> None:
        """Check that all rows of a text share their grid."""
        images = sorted(set(self.bound.image.tolist()))
        for image in images:
            for mine in self.rows.tolist():
                index = torch.tensor(mine)
                if len(set(self.bound.grid_rows(torch.full_like(index, image), index).tolist())) > 1:
                    raise ModelError(
                        "the options reach the layer, so that each has a grid of its own, and no map can show all of them: choose a layer "
                        "that the text does not reach, or explain one option as a text of its own."
                    )

    @property
    def grid(self) -> Float[Tensor, "n c h w"]:
        """Of the model."""
        return self.bound.grid

    @property
    def pools_first(self) -> bool:
        """Of the model."""
        return self.bound.pools_first

    @property
    def affine(self) -> Affine:
        """Of the model."""
        return self.bound.affine

    @property
    def step(self) -> float:
        """Of the model."""
        return self.bound.step

    def places(self) -> TokenPlaces:
        """Of the model.

        Raises:
            UsageError: several rows for a text: each is a pass of its own, and attention is followed through one.
        """
        if self.rows.shape[1] > 1:
            raise UsageError(
                f"attention methods follow one pass of the model, and each of {self.rows.shape[1]} options is a pass of its own: give a "
                "single option, or choose a gradient method such as hires-cam."
            )
        return self.bound.places()

    @property
    def notes(self) -> tuple[str, ...]:
        """Of the model."""
        return self.bound.notes

    @property
    def tolerance(self) -> float:
        """Of the model."""
        return self.bound.tolerance

    def modules(self) -> Iterator[nn.Module]:
        """The model's."""
        return self.bound.modules()

    def eval(self) -> object:
        """The model in evaluation mode."""
        return self.bound.eval()

    def grid_rows(self, image: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
        """The grid that the first row of each text has; all its rows have the same."""
        return self.bound.grid_rows(image, self._rows(text)[:, 0])

    def known_logits(self, grid_row: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Float[Tensor, "p classes"]:
        """The answers, put together."""
        rows = self._rows(text)
        known = [
            self.bound.answers[[self._places[int(row), each] for row, each in zip(grid_row, column, strict=True)]]
            for column in rows.T.tolist()
        ]
        return torch.cat(known, dim=1)

    def logits(
        self, grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        """The outputs of all rows of each text."""
        return torch.cat([self.bound.logits(grids, grid_row, column) for column in self._rows(text).T], dim=1)

    def pixels(self, grid_row: int) -> Float[Tensor, "3 H W"]:
        """Of the model."""
        return self.bound.pixels(grid_row)

    def look_again(
        self, images: Float[Tensor, "m 3 H W"], grid_row: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """The outputs of all rows of each text, for changed images."""
        return torch.cat([self.bound.look_again(images, grid_row, column) for column in self._rows(text).T], dim=2)

    def _rows(self, text: Int[Tensor, " p"]) -> Int[Tensor, "p k"]:
        return self.rows.to(self.grid.device)[text]

    @cached_property
    def _places(self) -> dict[tuple[int, int], int]:
        """Where the answer of a grid with a row of the text input is."""
        pairs = zip(self.bound.row.tolist(), self.bound.text.tolist(), strict=True)
        return {pair: place for place, pair in enumerate(pairs)}
