"""No effect is also a claim: it needs a margin and its own test."""

from dataclasses import dataclass
from math import isfinite
from typing import Protocol

import scipy.stats

from gazeshift.errors import UsageError


class Estimated(Protocol):
    """A mean with a standard error and its degrees of freedom, such as a ``CrossedInterval``."""

    @property
    def mean(self) -> float: ...  # noqa: D102

    @property
    def standard_error(self) -> float: ...  # noqa: D102

    @property
    def degrees_of_freedom(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Equivalence:
    """Whether a mean is equivalent to zero.

    Attributes:
        equivalent: ``p_value < 0.05``, the same as ``interval_90`` lying inside the margin. False does not mean that there is an effect.
        p_value: the larger of the two one-sided tests; NaN without a standard error.
        interval_90: the 90 % interval, equivalent to the two tests at 5 %.
        margin: the largest mean that counts as none, in the quantity's own unit.
    """

    equivalent: bool
    p_value: float
    interval_90: tuple[float, float]
    margin: float


def equivalence(estimated: Estimated, margin: float) -> Equivalence:
    """Two one-sided t tests (TOST) of ``-margin < mean < margin`` (Schuirmann 1987).

    Same standard error and degrees of freedom as the interval, so the two never disagree on how much is known.

    Args:
        estimated: the mean and how well it is known.
        margin: positive, stated before the results are seen.

    Raises:
        UsageError: a margin that is not a positive number.

    Example:
        >>> from gazeshift.statistics.crossed import crossed_interval
        >>> import numpy as np
        >>> found = crossed_interval(np.array([[0.1, -0.1, 0.0], [0.0, 0.1, -0.1]]))
        >>> equivalence(found, margin=0.2).equivalent, equivalence(found, margin=0.05).equivalent
        (True, False)
    """
    if not (isfinite(margin) and margin > 0):
        raise UsageError(f"an equivalence margin must be a positive number in the unit of the quantity, not {margin}.")
    mean, error, df = estimated.mean, estimated.standard_error, estimated.degrees_of_freedom
    if not (isfinite(mean) and isfinite(error) and df > 0):
        return Equivalence(False, float("nan"), (float("nan"), float("nan")), float(margin))
    room = margin - abs(mean)  # to the nearer bound, whose test is the less certain one
    p_value = float(scipy.stats.t.sf(room / error, df)) if error > 0 else float(room <= 0)
    reach = float(scipy.stats.t.isf(0.05, df)) * error
    return Equivalence(p_value < 0.05, p_value, (mean - reach, mean + reach), float(margin))
