"""The primary interval: seeds and classes are both random samples."""

from dataclasses import dataclass

import numpy as np
import scipy.stats

from gazeshift.errors import UsageError
from gazeshift.rounding import EXACT, constant
from gazeshift.statistics.cells import Cells, Scope, complete
from gazeshift.statistics.mean_squares import mean_squares, variance_of_mean

MIN_LEVELS = 5  # seeds and classes from which on the interval is calibrated; `gazeshift calibrate` starts there


@dataclass(frozen=True)
class Components:
    """Variances between seeds, between classes and of the residual (their interaction and the images' noise), per cell.

    Estimates from mean squares, 0 if negative; None if not estimable without replication.
    """

    seed: float | None
    class_: float | None
    residual: float | None


@dataclass(frozen=True)
class CrossedInterval:
    """A mean over seeds and classes with its interval.

    Attributes:
        mean: of the cells.
        low: lower end; NaN if ``scope`` is "none".
        high: upper end.
        standard_error: of the mean.
        degrees_of_freedom: of the standard error; 0 if ``scope`` is "none".
        p_value: two-sided, of ``mean = null``.
        null: the null value of ``p_value``.
        confidence: of the interval, such as 0.95.
        components: where the variation comes from.
        pooled: components ("seed", "class") that could not be separated from the residual and were pooled with it.
        seeds: that entered.
        classes: that entered.
        dropped_classes: left out because a cell was missing.
        scope: what the interval generalises to. "seeds and classes"; with one seed "classes", for this one trained model only; with one
            class "seeds"; with a single cell "none".
    """

    mean: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    p_value: float
    null: float
    confidence: float
    components: Components
    pooled: tuple[str, ...]
    seeds: int
    classes: int
    dropped_classes: int
    scope: Scope

    @property
    def calibrated(self) -> bool:
        """Whether there are enough seeds and classes for the stated confidence to hold (5 of each; docs/statistics.md)."""
        return self.scope == "seeds and classes" and min(self.seeds, self.classes) >= MIN_LEVELS


def crossed_interval(cells: Cells, confidence: float = 0.95, null: float = 0.0) -> CrossedInterval:
    """Mean of cell means with a t interval that counts seeds and classes as samples.

    Balanced two-way random effects, ``Y_sc = mu + S_s + C_c + E_sc``: every seed's model sees the same classes, so the two are crossed.
    The images of a class are already averaged; their number does not matter, but their noise does, through the residual. Standard error
    and degrees of freedom: ``variance_of_mean``. False positives and coverage by simulation: ``gazeshift calibrate``.

    Classes with a missing cell are left out and counted. With one seed the interval is Student's over the class means and says so
    (``scope="classes"``); it is about that one model. Invariant to the order of seeds and classes; equivariant to shift and scale.

    Args:
        cells: mean of a per-image quantity over the test images of a class, one row per training seed; NaN where undefined.
        confidence: of the interval, between 0 and 1.
        null: the mean under the null hypothesis of ``p_value``.

    Raises:
        UsageError: not a table, no complete class, or a confidence outside 0 to 1.

    Example:
        >>> cells = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [5.0, 6.0, 7.5]])
        >>> found = crossed_interval(cells)
        >>> round(found.mean, 2), round(found.low, 2), round(found.high, 2), round(found.degrees_of_freedom, 1)
        (4.06, -0.26, 8.37, 3.0)
        >>> crossed_interval(cells[:1]).scope
        'classes'
    """
    if not 0 < confidence < 1:
        raise UsageError(f"the confidence level must lie between 0 and 1, such as 0.95, not {confidence}.")
    if not np.isfinite(null):
        raise UsageError(f"the null value must be a finite number, not {null}.")
    found = complete(cells)
    values, seeds, classes = found.values, *found.values.shape
    # Around the mean and in units of the largest deviation: squares of tiny or huge cells neither vanish nor overflow.
    centre = float(values.mean())
    deviations = values - centre
    unit = float(np.abs(deviations).max())
    if constant(values, share=EXACT):
        centre, unit, deviations = float(values[0, 0]), 0.0, np.zeros_like(values)
    error, df, components, pooled = _spread(deviations / (unit or 1.0), found.scope)
    standard_error = error * unit if found.scope != "none" else float("nan")
    reach = float(scipy.stats.t.isf((1 - confidence) / 2, df)) * standard_error if df else float("nan")
    return CrossedInterval(
        mean=centre,
        low=centre - reach,
        high=centre + reach,
        standard_error=standard_error,
        degrees_of_freedom=df,
        p_value=_two_sided(centre - null, standard_error, df),
        null=float(null),
        confidence=float(confidence),
        components=Components(*(None if part is None else part * unit * unit for part in components)),
        pooled=pooled,
        seeds=seeds,
        classes=classes,
        dropped_classes=found.dropped_classes,
        scope=found.scope,
    )


_Parts = tuple[float | None, float | None, float | None]


def _spread(values: Cells, scope: Scope) -> tuple[float, float, _Parts, tuple[str, ...]]:
    """Standard error, degrees of freedom, components (seed, class, residual) and names of the pooled ones."""
    if scope == "none":
        return float("nan"), 0.0, (None, None, None), ()
    if scope != "seeds and classes":
        # One margin has a single level: what varies along the other holds its component and the residual, inseparably.
        variance = float(values.var(ddof=1))
        parts: _Parts = (None, variance, None) if scope == "classes" else (variance, None, None)
        return float(np.sqrt(variance / values.size)), float(values.size - 1), parts, ()
    squares = mean_squares(values)
    found = variance_of_mean(squares)
    residual = float(squares.residual)
    seed = max(0.0, (float(squares.seed) - residual) / squares.classes)
    class_ = max(0.0, (float(squares.class_) - residual) / squares.seeds)
    kept = {"seed": bool(found.kept_seed), "class": bool(found.kept_class)}
    pooled = tuple(name for name, stays in kept.items() if not stays)
    return float(np.sqrt(found.variance)), float(found.degrees_of_freedom), (seed, class_, residual), pooled


def _two_sided(difference: float, standard_error: float, df: float) -> float:
    if not df:
        return float("nan")
    if standard_error == 0:
        return float(difference == 0)
    return float(2 * scipy.stats.t.sf(abs(difference) / standard_error, df))
