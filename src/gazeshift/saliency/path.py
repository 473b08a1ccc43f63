"""Maps from gradients along a path at the tap."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gazeshift.registry import lookup
from gazeshift.rounding import rounding
from gazeshift.saliency.probe import Probe

BASELINES: dict[str, Callable[[Float[Tensor, "r c y x"]], Float[Tensor, "r c y x"]]] = {
    "zero": torch.zeros_like,
    "mean": lambda grids: grids.mean((2, 3), keepdim=True).expand_as(grids),
}


_CROWDING = 3  # a norm turns within a thousandth of the path: the first tenth of the points lies there


@dataclass(frozen=True)
class IntegratedGradients:
    """Integrated gradients at the tap: ``L = sum_k (A_k - B_k) * integral of g_k(B + a (A - B)) da``, a from 0 to 1. Signed.

    Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017, equation 1, with the grid as input. The text is held fixed
    along the path and enters through the gradients; so are a vision transformer's tokens besides the grid. The map's sum is
    ``y(A) - y(B)`` (completeness). A norm after the tap makes the gradient rise without bound towards a baseline of zeros, so if the
    first rule misses, the points crowd near the baseline and are doubled, row by row, until the sum misses by at most ``tolerance``; where
    the last doubling does not reach that, the gap is reported with the map (``gaps_of``).

    Attributes:
        baseline: ``zero``: the grid of zeros (on centred features the mean training image). ``mean``: in every cell the image's own mean
            over the grid, so that only the arrangement counts.
        steps: number of points of the first Gauss-Legendre rule.
        most: number of points of the last.
        tolerance: how far the sum may miss, as a share of ``|y(A) - y(B)|``.
    """

    baseline: str = "zero"
    steps: int = 32
    most: int = 1024
    tolerance: float = 0.01

    def __call__(self, probe: Probe) -> Float[Tensor, "r h w"]:
        """The maps of all rows; one backward pass from the tap per point."""
        steps, maps = self.steps, self._rule(probe, self.steps, 1)
        missed = self._missed(probe, maps)
        while missed.any() and (steps := 2 * steps) <= self.most:
            rows = missed.nonzero()[:, 0]
            some = probe.of(rows)
            maps[rows] = self._rule(some, steps, _CROWDING)
            missed[rows] = self._missed(some, maps[rows])
        return maps

    def gaps(self, probe: Probe, maps: Float[Tensor, "r h w"]) -> Float[Tensor, " r"]:
        """How far each map's sum misses ``y(A) - y(B)``, as a share of it, 0 and up; gaps within the logits' own rounding are 0."""
        start = lookup(BASELINES, self.baseline, "baseline")(probe.tap)[probe.rows.image]
        rise = probe.scores - probe.score(start, torch.arange(len(probe.rows), device=start.device))
        missed = (rise - maps.sum((1, 2))).abs()
        hidden = missed <= rounding(probe.bound.step) * probe.scores.abs()
        return torch.where(hidden, 0, missed / rise.abs())

    def _missed(self, probe: Probe, maps: Float[Tensor, "r h w"]) -> Bool[Tensor, " r"]:
        return self.gaps(probe, maps) > self.tolerance

    def _rule(self, probe: Probe, steps: int, crowding: int) -> Float[Tensor, "r h w"]:
        """The integral with this many points, over ``a = s ** crowding``: the higher, the more of them lie near the baseline."""
        image = probe.rows.image
        baseline = lookup(BASELINES, self.baseline, "baseline")
        end, start = probe.tap[image], baseline(probe.tap)[image]
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        places = (nodes + 1) / 2
        slopes = crowding * places ** (crowding - 1) / 2
        mean = torch.zeros_like(end)
        for point, weight in zip(places**crowding, weights * slopes, strict=True):
            mean += float(weight) * probe.slopes_at(start + float(point) * (end - start))
        # Under mean pooling start is one cell, which stands for all of them.
        return probe.contract(mean) - (mean * start).sum(1)


INTEGRATED_GRADIENTS = IntegratedGradients()

GAPS: dict[str, Callable[[Probe, Float[Tensor, "r h w"]], Float[Tensor, " r"]]] = {
    "integrated-gradients": INTEGRATED_GRADIENTS.gaps
}
"""For methods with a completeness axiom: the relative error of the maps' sums."""


def gaps_of(method: str, probe: Probe, maps: Float[Tensor, "r h w"]) -> Float[Tensor, " r"]:
    """The relative completeness error of a method's maps; NaN for methods without completeness."""
    gaps = GAPS.get(method)
    return maps.new_full((len(maps),), torch.nan) if gaps is None else gaps(probe, maps)
