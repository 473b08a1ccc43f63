"""A mean, or a median, with its interval: the only way a number leaves an analysis."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.resampling import crossed_means, resampling_weights


@dataclass(frozen=True)
class Figure:
    """A mean with its interval.

    Attributes:
        mean: over seeds and images; None if nothing was defined.
        interval: 95 %, or None if there is nothing to resample.
        n: number of images included: those defined in every seed.
        seeds: number of training seeds.
        left_out: number of images defined only in some seeds, or in none.
    """

    mean: float | None
    interval: tuple[float, float] | None
    n: int
    seeds: int
    left_out: int = 0


@dataclass(frozen=True)
class Median:
    """A median over images with its interval.

    Attributes:
        median: None if nothing was defined.
        interval: 95 %, or None if there is nothing to resample.
        n: number of images included: those where the value is defined.
        left_out: number of the others.
    """

    median: float | None
    interval: tuple[float, float] | None
    n: int
    left_out: int = 0


def median_figure(values: Float[np.ndarray, " n"], draws: int = 1000, seed: int = 0) -> Median:
    """Median over images, with a bootstrap interval that resamples them.

    Args:
        values: one per image; NaN where undefined.
        draws: number of bootstrap draws.
        seed: random seed of the draws.

    Example:
        >>> median_figure(np.array([1.0, 2.0, 9.0, np.nan]))
        Median(median=2.0, interval=(1.0, 9.0), n=3, left_out=1)
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.sort(values[np.isfinite(values)])
    n, left_out = len(known), len(values) - len(known)
    if n == 0:
        return Median(None, None, 0, left_out)
    median = float(np.median(known))
    if n < 2:
        return Median(median, None, n, left_out)
    counts = np.rint(resampling_weights(n, draws, np.random.default_rng(seed)) * n).astype(int)
    # The places of the middle two of n drawn values (one and the same if n is odd) among the sorted ones.
    reached = counts.cumsum(1)
    low, high = ((reached > place).argmax(1) for place in ((n - 1) // 2, n // 2))
    return Median(median, _interval((known[low] + known[high]) / 2), n, left_out)


def crossed_figure(values: Float[np.ndarray, "*seeds n"], draws: int = 1000, seed: int = 0) -> Figure:
    """Mean over seeds and images, with a bootstrap interval that resamples both.

    Seeds and images are crossed: every seed's model sees the same images. Each draw resamples the seeds and, independently, the images
    (the multi-bootstrap; Sellam et al., "The MultiBERTs", 2022). Only images defined in every seed are included, as only complete classes
    are in ``crossed_interval``: otherwise seeds would be compared on different images. With one seed the interval covers only the
    images. With few seeds such an interval is somewhat too narrow.

    Args:
        values: one row per training seed (a single seed may be one-dimensional), one column per image; NaN where undefined.
        draws: number of bootstrap draws.
        seed: random seed of the draws.

    Example:
        >>> crossed_figure(np.ones((2, 5))).interval
        (1.0, 1.0)
    """
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    complete = values[:, np.isfinite(values).all(0)]
    (seeds, n), left_out = complete.shape, values.shape[1] - complete.shape[1]
    if n == 0:
        return Figure(None, None, 0, seeds, left_out)
    mean = float(complete.mean())
    if n < 2:
        return Figure(mean, None, n, seeds, left_out)
    return Figure(mean, _interval(crossed_means(complete, draws, np.random.default_rng(seed))), n, seeds, left_out)


def crossed_statistic(
    sums: Float[np.ndarray, "seeds n k"],
    statistic: Callable[[Float[np.ndarray, "*b k"]], Float[np.ndarray, "*b"]],
    draws: int = 1000,
    seed: int = 0,
) -> Figure:
    """Mean over seeds of a statistic of sums over images (a ratio, a correlation), with the interval of ``crossed_figure``.

    In each draw the images are resampled, every seed's statistic is computed from its own sums over them, and the seeds are resampled.

    Args:
        sums: each image's contribution to each of ``k`` sums, for each seed; NaN where undefined. Only images defined in every
            seed are included.
        statistic: function of the ``k`` sums over all images; NaN where undefined. Such seeds and draws are left out.
        draws: number of bootstrap draws.
        seed: random seed of the draws.

    Example:
        >>> hits = np.array([[[1.0, 1.0], [0.0, 1.0], [1.0, 2.0]]])  # two of four
        >>> crossed_statistic(hits, lambda totals: totals[..., 0] / totals[..., 1]).mean
        0.5
    """
    complete = sums[:, np.isfinite(sums).all((0, 2))]
    (seeds, n), left_out = complete.shape[:2], sums.shape[1] - complete.shape[1]
    whole = statistic(complete.sum(1))
    if not np.isfinite(whole).any():
        return Figure(None, None, n, seeds, left_out)
    mean = float(np.nanmean(whole))
    if n < 2:
        return Figure(mean, None, n, seeds, left_out)
    rng = np.random.default_rng(seed)
    rows, columns = resampling_weights(seeds, draws, rng), resampling_weights(n, draws, rng)
    drawn = statistic(np.einsum("dn,snk->dsk", n * columns, complete, optimize=True))
    weights = np.where(np.isfinite(drawn), rows, 0)
    counted = weights.sum(1) > 0
    means = (weights * np.where(np.isfinite(drawn), drawn, 0)).sum(1)[counted] / weights.sum(1)[counted]
    return Figure(mean, _interval(means), n, seeds, left_out)


def _interval(means: Float[np.ndarray, " draws"]) -> tuple[float, float]:
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
