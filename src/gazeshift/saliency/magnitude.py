"""The size of the terms that a map sums: its value if none of them cancelled. One function per method.

A map with values of a millionth of its terms is their rounding residue, not evidence. ``noise_of`` is that level, cell by cell;
``resolved`` clears the maps that nowhere exceed it, so that they are undefined everywhere.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.rounding import rounding
from gazeshift.saliency.affine import before_affine
from gazeshift.saliency.probe import Probe

Magnitude = Callable[[Probe], Float[Tensor, "r h w"]]


def _cell_by_cell(probe: Probe) -> Float[Tensor, "r h w"]:
    """``sum_k |g_k A_k|``. Of integrated gradients too, whose gradients along the path are of the size of those at its end."""
    return probe.contract(probe.slopes.abs(), probe.grid.abs())


def _by_mean_gradient(probe: Probe) -> Float[Tensor, "r h w"]:
    """``sum_k mean|g_k| |A_k|``: a mean gradient that cancels is rounding, too."""
    return probe.weigh(probe.slopes.abs().mean((2, 3)), probe.grid.abs())


def _by_shares(probe: Probe) -> Float[Tensor, "r h w"]:
    """``sum_k w_k |A_k|``, before a constant affine: Grad-CAM++'s weights, each cell's times ``(2 + |g| sum|A|) / (2 + g sum A)``.

    The sum that divides a cell's weight may cancel where activations are negative.
    """
    probe = before_affine(probe)
    slopes, grid = probe.slopes, probe.grid
    total, gross = (each.sum((2, 3), keepdim=True)[probe.rows.image] for each in (grid, grid.abs()))
    below = 2 + slopes * total
    terms = torch.where(below > 0, slopes.relu() * (2 + slopes.abs() * gross) / below**2, 0)
    return probe.weigh(terms.mean((2, 3)) * grid[0, 0].numel(), grid.abs())


def _positive(probe: Probe) -> Float[Tensor, "r h w"]:
    """``sum_k ReLU(g_k) |A_k|``, before a constant affine of the trunk."""
    probe = before_affine(probe)
    return probe.contract(probe.slopes.relu(), probe.grid.abs())


def _by_weighted_mean(probe: Probe) -> Float[Tensor, "r h w"]:
    """``sum_k v_k |A_k|``, ``v_k = (sum|g_k A_k| + |w_k| sum|A_k|) / |sum A_k|``: the sum that divides may cancel as well."""
    probe = before_affine(probe)
    if probe.slopes.shape[2:] == (1, 1):
        return probe.weigh(probe.slopes[:, :, 0, 0].abs(), probe.grid.abs())
    weights = torch.empty_like(probe.slopes[:, :, 0, 0])
    for index, mine in probe.by_image():
        grid, slopes = probe.grid[index], probe.slopes[mine]
        total, gross = grid.sum((1, 2)), grid.abs().sum((1, 2))
        over = torch.where(total == 0, torch.inf, total.abs())
        weight = torch.einsum("rchw,chw->rc", slopes, grid).abs() / over
        weights[mine] = (torch.einsum("rchw,chw->rc", slopes.abs(), grid.abs()) + weight * gross) / over
    return probe.weigh(weights, probe.grid.abs())


def _norms(probe: Probe) -> Float[Tensor, "r h w"]:
    """``|A|`` over the channels, which bounds the projection on a singular vector."""
    return torch.linalg.vector_norm(probe.grid, dim=1)[probe.rows.image]


def _largest(probe: Probe) -> Float[Tensor, "r h w"]:
    """``max_k |A_k|``, before a constant affine of the trunk: it bounds a mean over the channels."""
    return before_affine(probe).grid.abs().amax(1)[probe.rows.image]


def _differences(probe: Probe) -> Float[Tensor, "r h w"]:
    """``4 Y |A|``: a weight is a difference of two logits, each a sum of larger terms; roundings are independent over the channels."""
    return 2 * _difference(probe) * _norms(probe)


def _difference(probe: Probe) -> Float[Tensor, "r h w"]:
    """``2 Y``, ``Y`` the largest logit of any class: a difference of two logits, each of which may be small because its terms cancel."""
    return (2 * probe.logit_size)[:, None, None].expand(-1, *probe.grid.shape[2:])


def _mean_difference(probe: Probe) -> Float[Tensor, "r h w"]:
    """``2 Y / sqrt(N p)``: differences of logits over the N p masks that show a cell, whose roundings are independent."""
    return _difference(probe) / math.sqrt(_SHOWN)


def _none(probe: Probe) -> Float[Tensor, "r h w"]:
    """0: sums of numbers that are not negative keep all their digits."""
    return probe.grid.new_zeros(len(probe.rows), *probe.grid.shape[2:])


_SHOWN = 500
"""The number of RISE masks that show a cell, by default."""

MAGNITUDES: dict[str, Magnitude] = {
    "grad-cam": _by_mean_gradient,
    "hires-cam": _cell_by_cell,
    "xgrad-cam": _by_weighted_mean,
    "grad-cam++": _by_shares,
    "layer-cam": _positive,
    "eigen-cam": _norms,
    "ablation-cam": _differences,
    "integrated-gradients": _cell_by_cell,
    "attention-gradient": _none,
    "rollout": _none,
    "score-cam": _largest,
    "occlusion": _difference,
    "rise": _mean_difference,
}


def noise_of(method: str, probe: Probe) -> Float[Tensor, "r h w"]:
    """The noise level of every cell of a method's maps: the residue of its terms due to rounding, not negative.

    ``rounding(step) * magnitude``, where the magnitude is the map's value if no term cancelled another. 0 for a user's own
    method, with unknown terms.

    Args:
        method: a name in ``METHODS``.
        probe: the question that the maps answer.
    """
    magnitude = MAGNITUDES.get(method, _none)
    return rounding(probe.bound.step) * magnitude(probe).detach().abs()


def resolved(maps: Float[Tensor, "r h w"], noise: Float[Tensor, "r h w"]) -> Float[Tensor, "r h w"]:
    """Maps unchanged, except those that are nowhere positive above their noise level: in these, values below it become exactly 0.

    Such a map then has no positive value, so it is undefined. Non-finite values are kept.

    Example:
        >>> maps = torch.tensor([[[1e-8, -0.5]], [[1e-8, 0.5]]])
        >>> resolved(maps, torch.full_like(maps, 1e-6)).tolist()
        [[[0.0, -0.5]], [[9.99999993922529e-09, 0.5]]]
    """
    unresolved = ~(maps > noise).flatten(1).any(1)[:, None, None]
    return torch.where(unresolved & (maps.abs() <= noise) & maps.isfinite(), 0, maps)
