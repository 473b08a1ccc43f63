"""Cross-checks of the primary interval that assume less and need more data: resampling seeds and classes, and flipping signs."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gazeshift.errors import UsageError
from gazeshift.resampling import crossed_means
from gazeshift.rounding import EXACT
from gazeshift.statistics.cells import Cells, Scope, complete

EXACT_UP_TO = 16  # values whose 2^n signs are all tried
_SAMPLED_AT_ONCE = 2**20


@dataclass(frozen=True)
class BootstrapInterval:
    """A mean with its percentile interval over resampled seeds and classes.

    Attributes:
        mean: of the cells.
        low: lower end; NaN if ``scope`` is "none".
        high: upper end.
        standard_error: standard deviation of the resampled means.
        confidence: of the interval.
        draws: number of resamples.
        seeds: that entered.
        classes: that entered.
        dropped_classes: left out because a cell was missing.
        scope: what was resampled, as for ``CrossedInterval``.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    confidence: float
    draws: int
    seeds: int
    classes: int
    dropped_classes: int
    scope: Scope


def multi_bootstrap(cells: Cells, draws: int, rng: np.random.Generator, confidence: float = 0.95) -> BootstrapInterval:
    """Percentile interval of the mean when seeds and, independently, classes are resampled (Sellam et al., "The MultiBERTs", 2022).

    A cross-check, not the primary interval: with 5 or 10 seeds it is too narrow (docs/statistics.md has its false positives), because
    resampling ``n`` values shrinks their variance by ``(n - 1) / n`` and ignores degrees of freedom.

    Args:
        cells: as for ``crossed_interval``.
        draws: at least 1; with 2,000 the ends vary by about 2 % of the width.
        rng: random generator of the draws.
        confidence: of the interval, between 0 and 1.

    Raises:
        UsageError: as for ``crossed_interval``, or no draws.

    Example:
        >>> multi_bootstrap(np.ones((2, 3)), 100, np.random.default_rng(0)).high
        1.0
    """
    if draws < 1 or not 0 < confidence < 1:
        raise UsageError(
            f"a bootstrap needs at least one draw and a confidence between 0 and 1, not {draws} and {confidence}."
        )
    found = complete(cells)
    seeds, classes = found.values.shape
    mean = float(found.values.mean())
    low = high = error = float("nan")
    if found.scope != "none":
        means = crossed_means(found.values, draws, rng)
        low, high = (float(end) for end in np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2]))
        error = float(means.std())
    return BootstrapInterval(
        mean, low, high, error, confidence, draws, seeds, classes, found.dropped_classes, found.scope
    )


@dataclass(frozen=True)
class SignFlip:
    """Whether a mean differs from 0, by flipping signs.

    Attributes:
        mean: of the values.
        p_value: two-sided; NaN without values.
        values: number of values included, without NaN.
        exact: whether all ``2^values`` sign patterns were tried.
        patterns: number of patterns tried.
        smallest_p: no outcome could have given a smaller p-value. Above .05 the test cannot reject, whatever the data.
    """

    mean: float
    p_value: float
    values: int
    exact: bool
    patterns: int
    smallest_p: float


def sign_flip(
    values: Float[np.ndarray, " n"], draws: int = 100_000, rng: np.random.Generator | None = None
) -> SignFlip:
    """Sign-flip test of ``mean = 0``: two-sided, assuming only that each value is as likely as its negative (Fisher 1935).

    For one value per training seed, say. Exact up to 16 values; random patterns beyond, with the observed one counted among them, so
    that p is never 0 (Phipson and Smyth 2010). The smallest two-sided p is ``2 / 2^n``: **6 values are needed for p < .05**; with 5 it is
    .0625.

    Args:
        values: NaN is left out.
        draws: random patterns, beyond 16 values.
        rng: of the patterns; a fixed seed if not given.

    Raises:
        UsageError: not a list, an infinite value, or no draws.

    Example:
        >>> sign_flip(np.array([1.0, 2.0, 3.0, 1.0, 2.0, 1.0])).p_value
        0.03125
        >>> sign_flip(np.array([1.0, 2.0, 3.0, 1.0, 2.0])).smallest_p
        0.0625
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or np.isinf(values).any() or draws < 1:
        raise UsageError("a sign-flip test takes a list of finite values, NaN left out, and at least one draw.")
    values = values[~np.isnan(values)]
    n = len(values)
    if n == 0:
        return SignFlip(float("nan"), float("nan"), 0, True, 0, 1.0)
    exact = n <= EXACT_UP_TO
    # Sums that are mathematically equal differ by rounding; they count as equal.
    bar = abs(float(values.sum())) - EXACT * float(np.abs(values).sum())
    if exact:
        reached, patterns = int((np.abs(_all_signs(n) @ values) >= bar).sum()), 2**n
        p_value = reached / patterns
    else:
        reached, patterns = _sampled(values, draws, bar, rng or np.random.default_rng(0)), draws
        p_value = (1 + reached) / (1 + draws)
    smallest = max(2.0 ** (1 - n), 0.0 if exact else 1 / (1 + draws))
    return SignFlip(float(values.mean()), p_value, n, exact, patterns, smallest)


def _all_signs(n: int) -> Int[np.ndarray, "patterns n"]:
    return 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)


def _sampled(values: Float[np.ndarray, " n"], draws: int, bar: float, rng: np.random.Generator) -> int:
    """How many of the random patterns are at least as extreme; drawn in chunks, in bounded memory."""
    part = max(1, _SAMPLED_AT_ONCE // len(values))
    reached = 0
    for start in range(0, draws, part):
        signs = 1.0 - 2.0 * rng.integers(0, 2, size=(min(part, draws - start), len(values)))
        reached += int((np.abs(signs @ values) >= bar).sum())
    return reached
