"""A mean with its interval: the only way a number leaves an analysis."""

from collections.abc import Callable
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
    rows, columns = _resampled(seeds, values.shape[1], draws, seed)
    # A draw's mean is a weighted mean; the weights of a cell are (times its seed was drawn) x (times its image was drawn).
    totals = np.einsum("ds,dn,sn->d", rows, columns, filled, optimize=True)
    counts = np.einsum("ds,dn,sn->d", rows, columns, defined.astype(np.float64), optimize=True)
    means = totals[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(mean, (float(low), float(high)), n, seeds)


def crossed_statistic(
    sums: Float[np.ndarray, "seeds n k"],
    statistic: Callable[[Float[np.ndarray, "*b k"]], Float[np.ndarray, "*b"]],
    draws: int = 1000,
    seed: int = 0,
) -> Figure:
    """Mean over seeds of a statistic of sums over images (a ratio, a correlation), with the interval of ``crossed_figure``.

    In each draw the images are resampled, every seed's statistic is taken of its own sums over them, and the seeds are resampled.

    Args:
        sums: what each image adds to each of ``k`` sums, in each seed; NaN where it has nothing to add.
        statistic: of the ``k`` sums over all images; NaN where it is undefined. Such seeds and draws are left out.
        draws: bootstrap draws.
        seed: of the draws.

    Example:
        >>> hits = np.array([[[1.0, 1.0], [0.0, 1.0], [1.0, 2.0]]])  # two of four
        >>> crossed_statistic(hits, lambda totals: totals[..., 0] / totals[..., 1]).mean
        0.5
    """
    present = np.isfinite(sums).all(-1)
    filled = np.where(present[..., None], sums, 0)
    seeds, n = len(sums), int(present.any(0).sum())
    whole = statistic(filled.sum(1))
    if not np.isfinite(whole).any():
        return Figure(None, None, n, seeds)
    mean = float(np.nanmean(whole))
    if n < 2:
        return Figure(mean, None, n, seeds)
    rows, columns = _resampled(seeds, filled.shape[1], draws, seed)
    drawn = statistic(np.einsum("dn,snk->dsk", columns, filled, optimize=True))
    weights = np.where(np.isfinite(drawn), rows, 0)
    counted = weights.sum(1) > 0
    means = (weights * np.where(np.isfinite(drawn), drawn, 0)).sum(1)[counted] / weights.sum(1)[counted]
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(mean, (float(low), float(high)), n, seeds)


def _resampled(seeds: int, images: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each draw takes each seed, and each image."""
    rng = np.random.default_rng(seed)
    rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
    return rows, rng.multinomial(images, np.full(images, 1 / images), size=draws)
