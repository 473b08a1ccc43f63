"""The one rule for rounding: what a sum or a difference leaves over of its terms, below their resolution, counts as exactly 0."""

import numpy as np
from jaxtyping import Float

ROUNDING = 1e-5
"""Share of its terms below which a sum or a difference counts as 0. Sums over a few hundred float32 terms keep five digits; and a layer
norm's own epsilon leaves a millionth of what it takes away, in any precision."""

_ULPS = 4  # of a precision coarser than float32


def rounding(eps: float) -> float:
    """The share for numbers of another precision: never finer than ``ROUNDING``, and four times what a coarser one resolves.

    Args:
        eps: the distance from 1 to the next number, as in ``torch.finfo(dtype).eps``.

    Example:
        >>> rounding(2**-52), rounding(2**-23), rounding(2**-7)
        (1e-05, 1e-05, 0.03125)
    """
    return max(ROUNDING, _ULPS * eps)


def beyond_rounding(
    difference: Float[np.ndarray, "*#b"], scale: Float[np.ndarray, "*#b"] | float | np.floating
) -> Float[np.ndarray, "*b"]:
    """A difference of numbers as large as ``scale``; exactly 0 where it is below what float32 resolves. NaN stays.

    Args:
        difference: of any sign.
        scale: the largest of the numbers that it is the difference of, 0 or above.

    Example:
        >>> beyond_rounding(np.array([1e-7, -0.5]), 1.0).tolist()
        [0.0, -0.5]
    """
    difference = np.asarray(difference, dtype=np.float64)
    return np.where(np.abs(difference) <= ROUNDING * np.asarray(scale), 0.0, difference)
