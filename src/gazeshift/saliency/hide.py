"""Hide cells of an image from a model and compute the logit again: the scores that faithfulness measures need.

At the tap, hidden cells are replaced in the stored grid and only what follows the tap runs again. At the pixels the trunk runs once for
every changed image. How cells are hidden is part of what is measured, so it has a name.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gazeshift.measures import keep_pixels, noisy_linear_imputation
from gazeshift.measures.perturbation import Score
from gazeshift.registry import lookup
from gazeshift.saliency.probe import CHUNK_BYTES, Probe

Mixing = Callable[[Float[Tensor, "m h w"]], Float[Tensor, "m n n"]]
"""Maps grids of kept (1) and hidden (0) cells to matrices: row i gives the weights of the cells that the new cell i is mixed from."""


def _zero(keep: Float[Tensor, "m h w"]) -> Float[Tensor, "m n n"]:
    return torch.diag_embed(keep.flatten(1))


def _mean(keep: Float[Tensor, "m h w"]) -> Float[Tensor, "m n n"]:
    kept = keep.flatten(1)
    return torch.diag_embed(kept) + (1 - kept)[:, :, None] / kept.shape[1]


def _neighbours(keep: Float[Tensor, "m h w"]) -> Float[Tensor, "m n n"]:
    kept = keep.flatten(1).double()
    weights = _neighbour_weights(*keep.shape[1:]).to(kept)
    own = torch.eye(len(weights), dtype=kept.dtype, device=kept.device)
    # Where no cell is kept the system has no solution: solved as the identity here, and replaced by the mean below.
    nothing = kept.sum(1) == 0
    fixed = (kept > 0) | nothing[:, None]
    system = torch.where(fixed[:, :, None], own, torch.diag(weights.sum(1)) - weights)
    mixed = torch.linalg.solve(system, torch.diag_embed(kept))
    mixed[nothing] = 1 / len(weights)
    return mixed.to(keep.dtype)


MIXINGS: dict[str, Mixing] = {"zero": _zero, "mean": _mean, "neighbours": _neighbours}
"""Ways to hide a cell of the grid. ``zero``: zeros (on centred features the mean training image). ``mean``: the image's own mean over the
grid, so that only the arrangement is lost; under mean pooling a grid that is all hidden then scores like the whole. ``neighbours``: the
weighted mean of the neighbouring cells, hidden ones included, as ROAD fills pixels (Rong et al. 2022; weight 1/6 for the four nearest, 1/12
for the diagonal ones; solved exactly), without its noise; the mean over the grid where nothing is shown."""


def hidden_scores(
    probe: Probe, keep: Float[Tensor, "m h w"], rows: Int[Tensor, " m"], how: str = "zero"
) -> Float[Tensor, " m"]:
    """Logits of rows of a probe, all of one image, with cells of its grid hidden; in chunks that bound the memory.

    Hiding is linear in the grid, so if the model pools first only the mean of the changed grid is computed. Tokens besides the
    grid (a vision transformer's class token) are unchanged.

    Args:
        probe: the model, its images at the tap, texts and classes.
        keep: 1 where a cell stays, 0 where it is hidden.
        rows: the probe's row of each.
        how: a name in ``MIXINGS``.

    Raises:
        UsageError: an unknown way of hiding.
    """
    mix = lookup(MIXINGS, how, "way of hiding")
    grid = probe.grid[probe.rows.image[rows[0]]]
    channels, height, width = grid.shape
    cells = grid.flatten(1).T
    pools_first = probe.bound.pools_first
    size = max(1, CHUNK_BYTES // (8 * len(cells) * max(len(cells), 1 if pools_first else channels)))

    def changed(part: Float[Tensor, "p h w"]) -> Float[Tensor, "p c y x"]:
        mixed = mix(part)
        if pools_first:
            return (mixed.mean(1) @ cells)[:, :, None, None]
        return (mixed @ cells).transpose(1, 2).reshape(-1, channels, height, width)

    starts = range(0, len(keep), size)
    return torch.cat([probe.score(changed(keep[start : start + size]), rows[start : start + size]) for start in starts])


def tap_score(probe: Probe, row: int = 0, how: str = "zero") -> Score:
    """The logit of one row of a probe as a function of which cells of its grid are kept; the trunk does not run.

    Args:
        probe: the model, its images at the tap, texts and classes.
        row: the row of the probe.
        how: a name in ``MIXINGS``.

    Raises:
        UsageError: an unknown way of hiding.
    """
    lookup(MIXINGS, how, "way of hiding")

    def score(keep: Float[np.ndarray, "m h w"]) -> Float[np.ndarray, " m"]:
        kept = torch.from_numpy(np.asarray(keep, dtype=np.float64)).to(probe.grid)
        rows = torch.full((len(keep),), row, device=kept.device)
        return hidden_scores(probe, kept, rows, how).double().cpu().numpy()

    return score


Filling = Callable[
    [Float[np.ndarray, "c H W"], Bool[np.ndarray, "H W"], np.random.Generator], Float[np.ndarray, "c H W"]
]


def _flat(image: Float[np.ndarray, "c H W"], keep: Bool[np.ndarray, "H W"], value: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(keep, image, value[:, None, None]))


FILLINGS: dict[str, Filling] = {
    "zero": lambda image, keep, rng: _flat(image, keep, np.zeros(len(image))),
    "mean": lambda image, keep, rng: _flat(image, keep, image.mean((1, 2))),
    "neighbours": noisy_linear_imputation,
}
"""The same at the pixels. ``zero``: the mean colour of the model's normalisation. ``mean``: the image's own mean colour. ``neighbours``:
``gazeshift.measures.noisy_linear_imputation``, with its noise."""


def pixel_score(probe: Probe, row: int = 0, how: str = "zero", seed: int = 0) -> Score:
    """The same where the squares of pixels under the hidden cells are replaced: the trunk runs once for every set of cells.

    Args:
        probe: with the pixels.
        row: the row of the probe.
        how: a name in ``FILLINGS``.
        seed: random seed of the noise of ``neighbours``.

    Raises:
        UsageError: an unknown way of hiding, or a probe without pixels.
    """
    fill = lookup(FILLINGS, how, "way of hiding")
    pixels = probe.bound.pixels(int(probe.rows.image[row]))
    picture = pixels.double().cpu().numpy()
    rng = np.random.default_rng(seed)
    which = torch.tensor([row], device=pixels.device)
    size = max(1, CHUNK_BYTES // (8 * math.prod(picture.shape)))

    def score(keep: Float[np.ndarray, "m h w"]) -> Float[np.ndarray, " m"]:
        shown = keep_pixels(keep, *picture.shape[1:])
        parts = [
            probe.rescore(_stack([fill(picture, one, rng) for one in shown[start : start + size]], pixels), which)[0]
            for start in range(0, len(shown), size)
        ]
        return torch.cat(parts).double().cpu().numpy()

    return score


def _stack(images: list[np.ndarray], like: Tensor) -> Float[Tensor, "m 3 H W"]:
    return torch.from_numpy(np.stack(images)).to(like)


def _neighbour_weights(height: int, width: int) -> Float[Tensor, "n n"]:
    """ROAD's weight between any two cells: 1/6 for direct neighbours, 1/12 for diagonal ones, else 0."""
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    down = (row.flatten()[:, None] - row.flatten()).abs()
    right = (column.flatten()[:, None] - column.flatten()).abs()
    weights = torch.where(down + right == 1, 1 / 6, 0.0)
    return torch.where((down == 1) & (right == 1), 1 / 12, weights).double()
