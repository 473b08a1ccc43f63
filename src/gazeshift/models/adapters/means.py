"""Does everything after a layer depend on the grid only through its mean? Then maps of any number of texts have a closed form."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.rounding import Rounding, logits_apart

_EXACT = 1e-5


Side = tuple[int, int]
"""Height and width of a grid that holds a mean in every cell."""


def side_of_means(bound: BoundModule, rounding: Rounding) -> Side | None:
    """Try it: grids with noise as large as themselves must give the same logits as their means.

    Args:
        bound: a model after its checks.
        rounding: of the model.

    Returns:
        The smallest grid of means that the model takes in the place of its own: a single cell, or else its own size with the mean in
        every cell. None if it needs more than means.
    """
    exact = rounding.step < _EXACT  # coarser numbers cannot tell a mean from what is almost one
    if not exact or bound.grid[0, 0].numel() == 1 or len(bound.grid) > len(set(bound.image.tolist())):
        return None
    row, text = bound.row[:2], bound.text[:2]
    grid = bound.grid[row]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(grid.shape, generator=generator).to(grid)
    noisy = grid + noise * grid.std().nan_to_num(1.0)
    means = noisy.mean((2, 3), keepdim=True)
    for height, width in ((1, 1), tuple(grid.shape[2:])):
        try:
            one, other = (
                bound.logits(each, row, text) for each in (noisy, means.expand(-1, -1, height, width).clone())
            )
        except (RuntimeError, ModelError):
            continue
        if bool(torch.isfinite(one).all()) and logits_apart(one, other) <= rounding.of_logits:
            return height, width
    return None


def pooled(bound: BoundModule, side: Side) -> BoundModule:
    """The model on the means of its grids: a 1 x 1 grid stands for one that is the same in every cell.

    Args:
        bound: any model.
        side: as ``side_of_means`` gives it.
    """
    tail = bound.tail

    def on_means(
        grid: Float[Tensor, "r c y x"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        mean = grid.shape[2:] == (1, 1)  # whole grids may be asked, too
        return tail(grid.expand(-1, -1, *side) if mean else grid, image, text)

    bound.tail, bound.pools_first, bound.side_of_means = on_means, True, side
    return bound
