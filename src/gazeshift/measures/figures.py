"""A mean with its interval: the only way a number leaves an analysis."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Figure:
    """A mean with its interval.

    Attributes:
        mean: over seeds and images; None if nothing was defined.
        interval: 95 %, or None if there is nothing to resample.
        n: images that enter (defined in at least one seed).
        seeds: training seeds.
    """

    mean: float | None
    interval: tuple[float, float] | None
    n: int
    seeds: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def crossed_figure(values: Float[np.ndarray, "*seeds n"], draws: int = 1000, seed: int = 0) -> Figure:
    """Mean over seeds and images, with a bootstrap interval that resamples both.

    Seeds and images are crossed: every seed's model sees the same images. Each draw resamples the seeds and, independently, the images
    (the multi-bootstrap; Sellam et al., "The MultiBERTs", 2022); NaN cells are left out. With one seed the interval covers the images
    alone. With few seeds such an interval is somewhat too narrow.

    Args:
        values: one row per training seed (the only one may come as it is), one column per image; NaN where undefined.
        draws: bootstrap draws.
        seed: of the draws.

    Example:
        >>> crossed_figure(np.ones((2, 5))).interval
        (1.0, 1.0)
    """
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    defined = np.isfinite(values)
    seeds, n = values.shape[0], int(defined.any(0).sum())
    if n == 0:
        return Figure(None, None, 0, seeds)
    filled = np.where(defined, values, 0)
    mean = float(filled.sum() / defined.sum())
    if n < 2:
        return Figure(mean, None, n, seeds)
    rng = np.random.default_rng(seed)
    rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
    columns = rng.multinomial(values.shape[1], np.full(values.shape[1], 1 / values.shape[1]), size=draws)
    # A draw's mean is a weighted mean; the weights of a cell are (times its seed was drawn) x (times its image was drawn).
    totals = np.einsum("ds,dn,sn->d", rows, columns, filled, optimize=True)
    counts = np.einsum("ds,dn,sn->d", rows, columns, defined.astype(np.float64), optimize=True)
    means = totals[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(mean, (float(low), float(high)), n, seeds)
