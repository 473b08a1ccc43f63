"""Multiple testing: adjusted p-values."""

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError

PValues = Float[np.ndarray, " tests"]


def holm(p: PValues) -> PValues:
    """Adjusted p-values that control the family-wise error rate (Holm 1979); for the few contrasts planned before the results.

    Valid whatever the dependence between the tests.

    Args:
        p: p-values, 0 to 1; NaN if a test could not be done. It stays NaN and does not count as a test.

    Raises:
        UsageError: not a list of values from 0 to 1.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(6).tolist()
        [0.03, 0.06, 0.06]
    """
    made, order, ordered = _ordered(p)
    factors = np.arange(len(ordered), 0, -1)
    return _placed(made, order, np.maximum.accumulate(factors * ordered))


def benjamini_hochberg(p: PValues) -> PValues:
    """Adjusted p-values that control the false discovery rate (Benjamini and Hochberg 1995); for exploration.

    Valid for independent and positively dependent tests.

    Args:
        p: as for ``holm``.

    Raises:
        UsageError: not a list of values from 0 to 1.

    Example:
        >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(6).tolist()
        [0.03, 0.04, 0.04]
    """
    made, order, ordered = _ordered(p)
    scaled = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    return _placed(made, order, np.minimum.accumulate(scaled[::-1])[::-1])


def _ordered(p: PValues) -> tuple[PValues, np.ndarray, PValues]:
    """All p-values, the indices of the defined ones in ascending order, and their values in that order."""
    made = np.asarray(p, dtype=np.float64)
    if made.ndim != 1:
        raise UsageError(f"p-values must be a list, not an array of shape {made.shape}.")
    if ((made < 0) | (made > 1)).any():
        raise UsageError(f"p-values lie between 0 and 1; this one does not: {made[(made < 0) | (made > 1)][0]}.")
    order = np.argsort(made, kind="stable")[: int((~np.isnan(made)).sum())]  # NaN sorts last
    return made, order, made[order]


def _placed(made: PValues, order: np.ndarray, adjusted: PValues) -> PValues:
    placed = np.full_like(made, np.nan)
    placed[order] = np.minimum(adjusted, 1)
    return placed
