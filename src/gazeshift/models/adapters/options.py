"""A bound model whose inputs hold several rows for a text, one for each class, or one row for all texts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.bound_module import BoundModule, Eye


@dataclass(frozen=True, eq=False)
class _EyeOfRows:
    """Changed images with texts that stand for several rows of the model's text input."""

    eye: Eye
    rows: Int[Tensor, "t k"]

    def pixels(self, image: int) -> Float[Tensor, "3 H W"]:
        return self.eye.pixels(image)

    def look(
        self, images: Float[Tensor, "m 3 H W"], image: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        return torch.cat([self.eye.look(images, image, column) for column in self.rows[text].T], dim=2)


def in_rows(bound: BoundModule, rows: Int[Tensor, "t k"]) -> BoundModule:
    """The same model with texts as rows of its text input; the outputs of a text's rows, one after the other, are its logits.

    Args:
        bound: the model; its text rows are those of its input.
        rows: for each text its rows.

    Raises:
        ModelError: the rows of one text have different grids, because they reach the tap.
    """
    rows = rows.to(bound.grid.device)
    tail, answers = bound.tail, {}
    for place, pair in enumerate(zip(bound.image.tolist(), bound.text.tolist(), strict=True)):
        answers[pair] = place

    def all_rows(
        grid: Float[Tensor, "r c y x"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        return torch.cat([tail(grid, image, column) for column in rows[text].T], dim=1)

    image, text = (
        each.flatten() for each in torch.meshgrid(torch.unique(bound.image), torch.arange(len(rows)), indexing="ij")
    )
    eye = None if bound.eye is None else _EyeOfRows(bound.eye, rows)
    new = BoundModule(
        bound.parts,
        all_rows,
        bound.grid,
        (image, text, _grids(bound, image, rows[text])),
        bound.pools_first,
        bound.find_places,
        eye=eye,
    )
    columns = rows[text].T.tolist()
    new.answers = torch.cat(
        [bound.answers[[answers[pair] for pair in zip(image.tolist(), column, strict=True)]] for column in columns],
        dim=1,
    )
    new.notes, new.rounding, new.reuses, new.passes = bound.notes, bound.rounding, bound.reuses, rows.shape[1]
    return new


def _grids(bound: BoundModule, image: Int[Tensor, " p"], rows: Int[Tensor, "p k"]) -> Int[Tensor, " p"]:
    """The grid of each image with each text, which all the text's rows share."""
    grids = torch.stack([bound.grid_rows(image, column) for column in rows.T], dim=1)
    if bool((grids != grids[:, :1]).any()):
        raise ModelError(
            "the options reach the layer, so that each has a grid of its own, and no map can show all of them: choose a layer that the "
            "text does not reach, or explain one option as a text of its own."
        )
    return grids[:, 0]
