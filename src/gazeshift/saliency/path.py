"""Maps from gradients along a path at the tap."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.registry import lookup
from gazeshift.saliency.probe import Probe

BASELINES: dict[str, Callable[[Float[Tensor, "r c y x"]], Float[Tensor, "r c y x"]]] = {
    "zero": torch.zeros_like,
    "mean": lambda grids: grids.mean((2, 3), keepdim=True).expand_as(grids),
}


@dataclass(frozen=True)
class IntegratedGradients:
    """Integrated gradients at the tap: ``L = sum_k (A_k - B_k) * integral of g_k(B + a (A - B)) da``, a from 0 to 1. Signed.

    Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017, equation 1, with the grid as input. The text is held fixed
    along the path and enters through the gradients; so are a vision transformer's tokens beside the grid. The map's sum is
    ``y(A) - y(B)`` (completeness), up to the rule's error.

    Attributes:
        baseline: ``zero``: the grid of zeros (on centred features the mean training image). ``mean``: in every cell the image's own mean
            over the grid, so that only the arrangement counts.
        steps: points of the Gauss-Legendre rule.
    """

    baseline: str = "zero"
    steps: int = 32

    def __call__(self, probe: Probe) -> Float[Tensor, "r h w"]:
        """The maps of all rows; one backward pass from the tap per step."""
        image = probe.rows.image
        baseline = lookup(BASELINES, self.baseline, "baseline")
        end, start = probe.tap.grid[image], baseline(probe.tap.grid)[image]
        points, weights = np.polynomial.legendre.leggauss(self.steps)
        mean = torch.zeros_like(end)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            mean += float(weight) * probe.slopes_at(start + float(point) * (end - start))
        return probe.contract(mean) - (mean * start).sum(1)
