"""The vector through which everything that an image says reaches the text, and an attention that is the only one to hear the cells."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Attending:
    """Queries that no cell changes look at the cells of a grid once; nothing else hears them.

    So the attention's result ``o = sum_i p_i v_i`` (per head and query, ``p = softmax(s)``) carries all that the cells say. Cell ``i``
    enters only through its own score ``s_i`` and its own value ``v_i``, which is why the derivative by a cell has a closed form.

    Attributes:
        cells: the grids' cells.
        hear: cells, any number of them, to their scores ``n heads queries cells`` and values ``n heads cells d``, each cell by itself. The
            values are affine.
        others: scores and values of the tokens besides the cells; None if there are none.
        tell: results ``o`` and the number of the grid that each stands for, to the vector that the text meets.
    """

    cells: Float[Tensor, "n cells c"]
    hear: Callable[[Float[Tensor, "n m c"]], tuple[Float[Tensor, "n heads q m"], Float[Tensor, "n heads m d"]]]
    others: tuple[Float[Tensor, "n heads q p"], Float[Tensor, "n heads p d"]] | None
    tell: Callable[[Float[Tensor, "r heads q d"], Int[Tensor, " r"]], Float[Tensor, "r m"]]

    @cached_property
    def scores(self) -> Float[Tensor, "n heads q cells"]:
        """Of the cells, before the softmax."""
        return self._heard[0]

    @cached_property
    def values(self) -> Float[Tensor, "n heads cells d"]:
        """Of the cells."""
        return self._heard[1]

    @cached_property
    def shares(self) -> Float[Tensor, "n heads q cells"]:
        """Of the attention, of each cell; the tokens besides the cells have what is missing to 1."""
        return self._weights[..., : self.cells.shape[1]]

    @cached_property
    def result(self) -> Float[Tensor, "n heads q d"]:
        """The attention's result."""
        values = self.values if self.others is None else torch.cat([self.values, self.others[1]], dim=2)
        return self._weights @ values

    @cached_property
    def told(self) -> Float[Tensor, "n m"]:
        """What the text meets."""
        return self.tell(self.result, torch.arange(len(self.cells), device=self.cells.device))

    @cached_property
    def _heard(self) -> tuple[Tensor, Tensor]:
        return self.hear(self.cells)

    @cached_property
    def _weights(self) -> Tensor:
        scores = self.scores if self.others is None else torch.cat([self.scores, self.others[0]], dim=3)
        return scores.softmax(3)


IMAGES_AT_ONCE = 16
"""How many images' attention is held at once: a few times the size of their grids."""


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """A bound model's tail in two steps: all that happens before the text comes in, and the rest.

    Attributes:
        see: grids and their grid rows to the vector that the text meets.
        classify: such vectors, their grid rows and text rows to logits.
        attend: grid rows to the attention between their grids and that vector, if it alone hears the cells; None if there is none such.
    """

    see: Callable[[Float[Tensor, "r c y x"], Int[Tensor, " r"]], Float[Tensor, "r m"]]
    classify: Callable[[Float[Tensor, "r m"], Int[Tensor, " r"], Int[Tensor, " r"]], Float[Tensor, "r classes"]]
    attend: Callable[[Int[Tensor, " n"]], Attending | None]

    def seen(
        self, grids: Float[Tensor, "n c y x"], grid_row: Int[Tensor, " m"], at_once: int = IMAGES_AT_ONCE
    ) -> Float[Tensor, "m d"]:
        """What the text meets of some images.

        Args:
            grids: of all images, as ``see`` takes them.
            grid_row: those asked for.
            at_once: how many ``see`` takes at once.
        """
        parts = []
        for some in torch.split(grid_row, IMAGES_AT_ONCE):
            attending = self.attend(some)
            if attending is None:
                parts += [self.see(grids[rows], rows) for rows in torch.split(some, at_once)]
            else:
                parts.append(attending.told)
        return torch.cat(parts)
