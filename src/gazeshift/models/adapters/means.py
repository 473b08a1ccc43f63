"""Does everything after a layer depend on the grid only through its mean? Then maps of any number of texts have a closed form."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.rounding import Rounding, logits_apart

_EXACT = 1e-5


def needs_only_means(bound: BoundModule, rounding: Rounding) -> bool:
    """Try it: grids with noise as large as themselves must give the same logits as their means in every cell.

    Args:
        bound: a model after its checks.
        rounding: of the model.
    """
    exact = rounding.step < _EXACT  # coarser numbers cannot tell a mean from what is almost one
    if not exact or bound.grid[0, 0].numel() == 1 or len(bound.grid) > len(set(bound.image.tolist())):
        return False
    row, text = bound.row[:2], bound.text[:2]
    grid = bound.grid[row]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(grid.shape, generator=generator).to(grid)
    noisy = grid + noise * grid.std().nan_to_num(1.0)
    means = noisy.mean((2, 3), keepdim=True).expand_as(noisy).contiguous()
    try:
        one, other = (bound.logits(each, row, text) for each in (noisy, means))
    except (RuntimeError, ModelError):
        return False
    return bool(torch.isfinite(one).all()) and logits_apart(one, other) <= rounding.of_logits


def pooled(bound: BoundModule) -> BoundModule:
    """The model on the means of its grids: a 1 x 1 grid stands for one that is the same in every cell."""
    tail, (height, width) = bound.tail, bound.grid.shape[2:]

    def on_means(
        grid: Float[Tensor, "r c y x"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        return tail(grid.expand(-1, -1, height, width), image, text)

    bound.tail, bound.pools_first = on_means, True
    return bound
