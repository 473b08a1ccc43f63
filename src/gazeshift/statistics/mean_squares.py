"""Two-way random effects without replication: mean squares, and the variance of the grand mean they imply."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float

PerTable = Float[np.ndarray, "*tables"]  # a single table gives an array without axes


@dataclass(frozen=True)
class MeanSquares:
    """Mean squares of ``Y_sc = mu + S_s + C_c + E_sc``; one of each per table.

    Attributes:
        mean: the grand mean.
        seed: expected value ``classes * var(S) + var(E)``, on ``seeds - 1`` degrees of freedom.
        class_: expected value ``seeds * var(C) + var(E)``, on ``classes - 1``.
        residual: expected value ``var(E)``, on their product.
        seeds: number of seeds, at least 2.
        classes: number of classes, at least 2.
    """

    mean: PerTable
    seed: PerTable
    class_: PerTable
    residual: PerTable
    seeds: int
    classes: int


@dataclass(frozen=True)
class MeanVariance:
    """The estimated variance of the grand mean.

    Attributes:
        variance: of the mean.
        degrees_of_freedom: of ``variance``.
        kept_seed: whether the seeds' component was separated from the residual; if not, both are pooled.
        kept_class: the same for the classes.
    """

    variance: PerTable
    degrees_of_freedom: PerTable
    kept_seed: Bool[np.ndarray, "*tables"]
    kept_class: Bool[np.ndarray, "*tables"]


def mean_squares(cells: Float[np.ndarray, "*tables seeds classes"]) -> MeanSquares:
    """Mean squares of tables without missing cells, at least 2 x 2.

    Example:
        >>> found = mean_squares(np.array([[1.0, 2.0], [3.0, 6.0]]))
        >>> float(found.mean), float(found.seed), float(found.class_), float(found.residual)
        (3.0, 9.0, 4.0, 1.0)
    """
    rows, columns = cells.mean(-1), cells.mean(-2)
    mean = rows.mean(-1)
    inner = cells - rows[..., :, None] - columns[..., None, :] + mean[..., None, None]
    return from_margins(rows, columns, mean, np.asarray((inner**2).sum((-2, -1))))


def from_margins(
    rows: Float[np.ndarray, "*tables seeds"],
    columns: Float[np.ndarray, "*tables classes"],
    mean: PerTable,
    inner: PerTable,
) -> MeanSquares:
    """Mean squares from the margins' means and the sum of squares that neither margin explains."""
    seeds, classes = rows.shape[-1], columns.shape[-1]
    seed = classes * ((rows - mean[..., None]) ** 2).sum(-1) / (seeds - 1)
    class_ = seeds * ((columns - mean[..., None]) ** 2).sum(-1) / (classes - 1)
    residual = inner / ((seeds - 1) * (classes - 1))
    return MeanSquares(np.asarray(mean), np.asarray(seed), np.asarray(class_), np.asarray(residual), seeds, classes)


def variance_of_mean(squares: MeanSquares) -> MeanVariance:
    """``(MS_s + MS_c - MS_sc) / (S C)`` with Satterthwaite's degrees of freedom, after pooling what cannot be separated from the residual.

    The plain estimate can be negative, and its truncated version is far too conservative if a component is zero: 0.6 % false positives at
    a nominal 5 % (5 seeds, 10 classes, residual only). So a component is included only if its F test against the residual passes a level
    far laxer than .05; otherwise its sum of squares joins the residual's ("sometimes pooling": Paull 1950; Bozivich, Bancroft and Hartley
    1956; levels that depend on the degrees of freedom: Bancroft and Han 1983). The level is ours, found by simulation:
    ``1 / (2 sqrt(df))``, .25 for 5 seeds, .05 for 101 classes. The fewer the degrees of freedom, the weaker the test and the more is lost
    by pooling wrongly. ``gazeshift calibrate`` checks it.

    - both kept: ``(MS_s + MS_c - MS_sc) / (S C)``;
    - one kept: its mean square over ``S C``, an exact t interval if the other component is zero;
    - none kept: the pooled residual over ``S C``.

    Degrees of freedom: Satterthwaite (1946), ``V^2 / sum (part^2 / df of part)``.

    Example:
        >>> found = variance_of_mean(mean_squares(np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [5.0, 6.0, 7.5]])))
        >>> bool(found.kept_seed), bool(found.kept_class), round(float(found.variance), 3)
        (True, True, 1.836)
    """
    df_seed, df_class = squares.seeds - 1, squares.classes - 1
    df_residual = df_seed * df_class
    kept_seed = squares.seed > squares.residual * _threshold(df_seed, df_residual)
    kept_class = squares.class_ > squares.residual * _threshold(df_class, df_residual)
    pooled_df = df_residual + df_seed * ~kept_seed + df_class * ~kept_class
    pooled = (
        df_residual * squares.residual + df_seed * squares.seed * ~kept_seed + df_class * squares.class_ * ~kept_class
    ) / pooled_df
    seed, class_ = squares.seed * kept_seed, squares.class_ * kept_class
    rest = (1.0 - kept_seed - kept_class) * pooled  # minus the residual if both are kept, nothing if one is
    total = seed + class_ + rest
    spread = seed**2 / df_seed + class_**2 / df_class + rest**2 / pooled_df
    # No variation at all: the mean is known, whatever the degrees of freedom.
    df = np.where(total > 0, total**2 / np.where(spread > 0, spread, 1), pooled_df)
    return MeanVariance(total / (squares.seeds * squares.classes), df, np.asarray(kept_seed), np.asarray(kept_class))


def _threshold(df: int, df_residual: int) -> float:
    """The F value above which a component is kept; never below 1, so that no estimate is negative."""
    return max(1.0, float(scipy.stats.f.isf(1 / (2 * sqrt(df)), df, df_residual)))
