"""The rule for rounding: the residue of a sum or a difference below the resolution of its terms counts as exactly 0."""

import numpy as np
from jaxtyping import Bool, Float

ROUNDING = 1e-5
"""For numbers computed by a model: the fraction of its terms below which a sum or a difference counts as 0. Sums over a few hundred float32
terms keep five digits; and a layer norm's own epsilon leaves a millionth of what it takes away, in any precision."""

EXACT = 1e-12
"""The same for what gazeshift computes in float64 from numbers taken as exact."""


def rounding(eps: float) -> float:
    """``ROUNDING`` for a model of another precision: never finer, and what a coarser one resolves.

    Over a few hundred terms roundings of both signs cancel: a fifth of bfloat16's step was measured to remain.

    Args:
        eps: the distance from 1 to the next number, as in ``torch.finfo(dtype).eps``.

    Example:
        >>> rounding(2**-52), rounding(2**-23), rounding(2**-7)
        (1e-05, 1e-05, 0.0078125)
    """
    return max(ROUNDING, eps)


def beyond_rounding(
    difference: Float[np.ndarray, "*#b"],
    scale: Float[np.ndarray, "*#b"] | float | np.floating,
    share: float = ROUNDING,
) -> Float[np.ndarray, "*b"]:
    """A difference of numbers as large as ``scale``; exactly 0 if it is below their resolution. NaN stays.

    Args:
        difference: of any sign.
        scale: the largest of the subtracted numbers, 0 or above.
        share: fraction of the scale; ``ROUNDING`` or ``EXACT``.

    Example:
        >>> beyond_rounding(np.array([1e-7, -0.5]), 1.0).tolist()
        [0.0, -0.5]
    """
    difference = np.asarray(difference, dtype=np.float64)
    return np.where(np.abs(difference) <= share * np.asarray(scale), 0.0, difference)


def constant(
    values: Float[np.ndarray, "..."], axis: int | tuple[int, ...] | None = None, share: float = ROUNDING
) -> Bool[np.ndarray, "..."]:
    """Whether values are all equal up to the rounding of the largest. NaN and infinity equal nothing.

    Args:
        values: any number of axes.
        axis: along which they are compared; all if None.
        share: of the largest absolute value; ``ROUNDING`` or ``EXACT``.

    Example:
        >>> constant(np.array([[1.0, 1.0 + 1e-7], [0.0, 1e-7]]), axis=1).tolist()
        [True, False]
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values).all(axis)
    low, high = values.min(axis), values.max(axis)
    spread = np.where(finite, high, 0) - np.where(finite, low, 0)
    return np.asarray(finite & (spread <= share * np.where(finite, np.maximum(np.abs(low), np.abs(high)), 0)))
