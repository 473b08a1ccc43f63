"""Resampling with replacement along two crossed axes: gazeshift's only bootstrap."""

import numpy as np
from jaxtyping import Float


def resampling_weights(n: int, draws: int, rng: np.random.Generator) -> Float[np.ndarray, "draws n"]:
    """How often each of ``n`` items was drawn, divided by ``n``; rows sum to 1.

    Example:
        >>> resampling_weights(1, 2, np.random.default_rng(0)).tolist()
        [[1.0], [1.0]]
    """
    return rng.multinomial(n, np.full(n, 1 / n), size=draws) / n


def crossed_means(
    values: Float[np.ndarray, "rows columns"], draws: int, rng: np.random.Generator
) -> Float[np.ndarray, " draws"]:
    """Means of a table with rows and, independently, columns resampled (the multi-bootstrap).

    Every row meets the same columns, so the two are crossed (Sellam et al., "The MultiBERTs", 2022).

    Args:
        values: a table without NaN.
        draws: number of draws.
        rng: random generator of the draws.

    Example:
        >>> crossed_means(np.ones((2, 3)), 2, np.random.default_rng(0)).tolist()
        [1.0, 1.0]
    """
    rows, columns = (resampling_weights(n, draws, rng) for n in values.shape)
    mean = float(values.mean())
    # A draw's mean is a weighted mean: the weight of a cell is (times its row was drawn) x (times its column was drawn). Around the mean,
    # so that the rounding is that of the deviations.
    return mean + ((rows @ (values - mean)) * columns).sum(1)
