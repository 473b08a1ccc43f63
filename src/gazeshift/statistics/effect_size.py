"""Effect sizes, in addition to their uncertainty. All ignore NaN and are NaN if nothing is left."""

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, "*any"]


def cohens_dz(differences: Values) -> float:
    """Mean of paired differences in units of their standard deviation (Cohen 1988, section 2.3.5).

    About 0.2 is called small, 0.5 medium, 0.8 large. It depends on what is paired: report whether the differences are between images or
    cell means. NaN with fewer than 2 values, or if they do not vary.

    Example:
        >>> round(cohens_dz(np.array([1.0, 2.0, 3.0])), 12)
        2.0
    """
    differences = _numbers(differences)
    if len(differences) < 2:
        return float("nan")
    # In units of the largest: squares of tiny or huge values neither vanish nor overflow.
    unit = float(np.abs(differences).max()) or 1.0
    spread = float((differences / unit).std(ddof=1))
    return float((differences / unit).mean()) / spread if spread > 1e-14 else float("nan")


def cliffs_delta(a: Values, b: Values) -> float:
    """``P(a > b) - P(a < b)`` over all pairs (Cliff 1993): -1 to 1, 0 if neither tends to be larger; ties count for neither.

    Needs neither a unit nor normality. Sorts instead of forming the pairs, so that millions of values are no problem.

    Example:
        >>> cliffs_delta(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
        0.75
    """
    a, b = np.sort(_numbers(a)), np.sort(_numbers(b))  # looking up in order is many times faster, too
    if len(a) == 0 or len(b) == 0:
        return float("nan")
    smaller = np.searchsorted(b, a, side="left").sum(dtype=np.float64)
    not_larger = np.searchsorted(b, a, side="right").sum(dtype=np.float64)
    return float((smaller + not_larger) / (len(a) * len(b)) - 1)


def auroc(edit: Values, floor: Values) -> float:
    """Probability that an edit's value exceeds one of the noise floor, ties counting half: 0.5 for no difference, 1 for full separation.

    The Mann-Whitney statistic over the number of pairs (Hanley and McNeil 1982); ``(cliffs_delta + 1) / 2``. Direction matters:
    ``auroc(a, b) + auroc(b, a) == 1``.

    Example:
        >>> auroc(edit=np.array([2.0, 3.0]), floor=np.array([1.0, 2.0]))
        0.875
    """
    return (cliffs_delta(edit, floor) + 1) / 2


def _numbers(values: Values) -> Float[np.ndarray, " n"]:
    values = np.asarray(values, dtype=np.float64).ravel()
    return values[~np.isnan(values)]
