"""Differences of float32 numbers: what is rounding counts as exactly 0."""

import numpy as np
from jaxtyping import Float

ROUNDING = 1e-5
"""Share of what a difference is taken of below which it counts as 0. Sums over a few hundred float32 terms keep five digits."""


def beyond_rounding(
    difference: Float[np.ndarray, "*#b"], scale: Float[np.ndarray, "*#b"] | float | np.floating
) -> Float[np.ndarray, "*b"]:
    """A difference of float32 numbers as large as ``scale``; exactly 0 where it is below what they resolve. NaN stays.

    Args:
        difference: of any sign.
        scale: the largest of the numbers that it is the difference of, 0 or above.

    Example:
        >>> beyond_rounding(np.array([1e-7, -0.5]), 1.0).tolist()
        [0.0, -0.5]
    """
    difference = np.asarray(difference, dtype=np.float64)
    return np.where(np.abs(difference) <= ROUNDING * np.asarray(scale), 0.0, difference)
