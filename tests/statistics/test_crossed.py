"""The interval over seeds and classes: against loops, Student's t, statsmodels' analysis of variance, and what must not change it."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from gazeshift.errors import UsageError
from gazeshift.statistics import CrossedInterval, crossed_interval
from gazeshift.statistics.crossed import Components
from gazeshift.statistics.mean_squares import mean_squares, variance_of_mean

CELLS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=7),
    elements=st.floats(-10, 10, allow_subnormal=False, width=32),
)


def table(seeds: int = 5, classes: int = 10, seed: float = 1.0, class_: float = 1.0, draw: int = 0) -> np.ndarray:
    """Random cells with these standard deviations between seeds and classes, and 1 of the residual."""
    rng = np.random.default_rng(draw)
    effects = seed * rng.normal(size=(seeds, 1)) + class_ * rng.normal(size=(1, classes))
    return effects + rng.normal(size=(seeds, classes))


def mean_squares_by_loops(cells: np.ndarray) -> tuple[float, float, float]:
    seeds, classes = cells.shape
    mean = sum(cells[s, c] for s in range(seeds) for c in range(classes)) / (seeds * classes)
    of_seed = [sum(cells[s, c] for c in range(classes)) / classes for s in range(seeds)]
    of_class = [sum(cells[s, c] for s in range(seeds)) / seeds for c in range(classes)]
    seed = classes * sum((value - mean) ** 2 for value in of_seed) / (seeds - 1)
    class_ = seeds * sum((value - mean) ** 2 for value in of_class) / (classes - 1)
    residual = sum(
        (cells[s, c] - of_seed[s] - of_class[c] + mean) ** 2 for s in range(seeds) for c in range(classes)
    ) / ((seeds - 1) * (classes - 1))
    return seed, class_, residual


@pytest.mark.slow
@given(CELLS)
def test_mean_squares_against_loops(cells: np.ndarray) -> None:
    found = mean_squares(cells)
    assert (found.seed, found.class_, found.residual) == pytest.approx(mean_squares_by_loops(cells), rel=1e-6, abs=1e-9)


def test_mean_squares_against_statsmodels() -> None:
    cells = table(4, 6)
    seeds, classes = (axis.ravel() for axis in np.indices(cells.shape))
    frame = pd.DataFrame({"y": cells.ravel(), "s": seeds, "c": classes})
    theirs = anova_lm(ols("y ~ C(s) + C(c)", frame).fit())
    ours = mean_squares(cells)
    assert [ours.seed, ours.class_, ours.residual] == pytest.approx(list(theirs["sum_sq"] / theirs["df"]))


def test_both_components_large_is_satterthwaite() -> None:
    cells = table(5, 10, seed=4, class_=4)
    seed, class_, residual = mean_squares_by_loops(cells)
    variance = (seed + class_ - residual) / 50
    df = (seed + class_ - residual) ** 2 / (seed**2 / 4 + class_**2 / 9 + residual**2 / 36)
    found = crossed_interval(cells, null=0.5)
    assert found.pooled == ()
    assert (found.standard_error, found.degrees_of_freedom) == pytest.approx((math.sqrt(variance), df))
    assert (found.low, found.high) == pytest.approx(scipy.stats.t.interval(0.95, df, cells.mean(), math.sqrt(variance)))
    assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(abs(cells.mean() - 0.5) / math.sqrt(variance), df))
    assert vars(found.components) == pytest.approx(
        {"seed": (seed - residual) / 10, "class_": (class_ - residual) / 5, "residual": residual}
    )


def test_seeds_alone_is_students_t_over_seed_means() -> None:
    cells = table(5, 10, seed=5, class_=0, draw=3)
    found = crossed_interval(cells)
    assert found.pooled == ("class",)
    theirs = scipy.stats.ttest_1samp(cells.mean(1), 0)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()))
    turned = crossed_interval(cells.T)
    assert turned.pooled == ("seed",)
    assert (turned.low, turned.high) == pytest.approx((found.low, found.high)), "the two roles are alike"


def test_neither_is_students_t_over_cells() -> None:
    cells = table(5, 10, seed=0, class_=0, draw=1)
    found = crossed_interval(cells)
    assert found.pooled == ("seed", "class")
    theirs = scipy.stats.ttest_1samp(cells.ravel(), 0)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()))


@given(CELLS, st.floats(0.01, 100), st.floats(-5, 5), st.randoms())
def test_it_follows_shift_and_scale_and_ignores_order(
    cells: np.ndarray, scale: float, shift: float, random: "st.Random"
) -> None:
    if cells.std() < 1e-2:
        return
    found = crossed_interval(cells)
    assert found.low <= found.mean <= found.high
    assert 0 <= found.p_value <= 1
    assert found.degrees_of_freedom > 0
    rows, columns = list(range(cells.shape[0])), list(range(cells.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = crossed_interval(scale * cells[np.ix_(rows, columns)] + shift, null=shift)
    if moved.pooled != found.pooled:  # a component on the very edge may fall to the other side by rounding
        return
    expected = [scale * end + shift for end in (found.low, found.mean, found.high)]
    assert [moved.low, moved.mean, moved.high] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert moved.p_value == pytest.approx(found.p_value, abs=1e-6)


@given(CELLS)
def test_the_p_value_and_the_interval_say_the_same(cells: np.ndarray) -> None:
    found = crossed_interval(cells, confidence=0.9)
    if abs(found.p_value - 0.1) > 1e-9 and found.standard_error > 0:
        assert (found.p_value < 0.1) == (found.low > 0 or found.high < 0)


@given(CELLS)
def test_the_variance_is_never_below_any_that_it_holds(cells: np.ndarray) -> None:
    squares = mean_squares(cells)
    variance = float(variance_of_mean(squares).variance) * cells.size
    kept = variance_of_mean(squares)
    bounds = [float(squares.seed)] * bool(kept.kept_seed) + [float(squares.class_)] * bool(kept.kept_class)
    assert variance >= max([0.0, *bounds]) * (1 - 1e-9)


def test_many_tables_at_once_are_each_on_its_own() -> None:
    tables = np.stack([table(draw=draw, seed=draw / 10, class_=1 - draw / 10) for draw in range(10)])
    together = variance_of_mean(mean_squares(tables))
    for cells, variance, df in zip(tables, together.variance, together.degrees_of_freedom, strict=True):
        alone = crossed_interval(cells)
        assert (alone.standard_error**2, alone.degrees_of_freedom) == pytest.approx((variance, df))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_tiny_and_huge_cells(scale: float) -> None:
    cells = table()
    found, scaled = crossed_interval(cells), crossed_interval(cells * scale)
    assert (scaled.low / scale, scaled.high / scale) == pytest.approx((found.low, found.high))
    assert scaled.p_value == pytest.approx(found.p_value)


def test_a_missing_cell_takes_its_class_along_and_is_counted() -> None:
    cells = table(5, 10)
    holed = cells.copy()
    holed[1, 3], holed[2, 3], holed[0, 7] = np.nan, np.nan, np.inf
    found, expected = crossed_interval(holed), crossed_interval(np.delete(cells, [3, 7], axis=1))
    assert (found.classes, found.dropped_classes, expected.dropped_classes) == (8, 2, 0)
    assert (found.low, found.high) == (expected.low, expected.high)


def test_one_seed_speaks_for_the_classes_alone() -> None:
    cells = table(1, 10)
    found = crossed_interval(cells)
    assert (found.scope, found.seeds, found.calibrated) == ("classes", 1, False)
    assert (found.low, found.high) == pytest.approx(tuple(scipy.stats.ttest_1samp(cells[0], 0).confidence_interval()))
    assert found.components == Components(None, pytest.approx(cells.var(ddof=1)), None)


def test_one_class_speaks_for_the_seeds_alone() -> None:
    cells = table(5, 1)
    found = crossed_interval(cells)
    assert (found.scope, found.classes) == ("seeds", 1)
    assert found.p_value == pytest.approx(scipy.stats.ttest_1samp(cells[:, 0], 0).pvalue)
    assert found.components == Components(pytest.approx(cells.var(ddof=1)), None, None)


def test_a_single_cell_has_no_interval() -> None:
    found = crossed_interval(np.array([[2.0]]))
    assert (found.mean, found.scope, found.degrees_of_freedom) == (2.0, "none", 0)
    assert all(math.isnan(value) for value in (found.low, found.high, found.standard_error, found.p_value))
    assert found.components == Components(None, None, None)


def test_equal_cells_are_known_exactly() -> None:
    found = crossed_interval(np.full((5, 10), 0.1))
    assert (found.low, found.high, found.p_value) == (0.1, 0.1, 0.0)
    assert crossed_interval(np.full((5, 10), 0.1), null=0.1).p_value == 1.0


def test_five_of_each_are_calibrated() -> None:
    flags = [crossed_interval(table(*shape)).calibrated for shape in ((5, 5), (4, 10), (10, 4), (1, 10))]
    assert flags == [True, False, False, False]


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (np.ones(3), {}, r"seeds x classes.*\(3,\)"),
        (np.ones((0, 3)), {}, r"\(0, 3\)"),
        (np.where(np.arange(2)[:, None] == 1, np.nan, np.ones((2, 3))), {}, "emptiest seed .row 1"),
        (np.ones((2, 2)), {"confidence": 95}, "between 0 and 1"),
        (np.ones((2, 2)), {"null": float("nan")}, "finite"),
    ],
)
def test_wrong_use_says_what_is_wrong(cells: np.ndarray, options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _ = crossed_interval(cells, **options)


def test_the_result_is_frozen() -> None:
    found: CrossedInterval = crossed_interval(table())
    with pytest.raises(AttributeError):
        found.low = 0.0  # type: ignore[misc]
