"""Equivalence, several tests at once, effect sizes, bootstrap and sign flips: against scipy, statsmodels, scikit-learn and loops."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from gazeshift.errors import UsageError
from gazeshift.statistics import (
    auroc,
    cliffs_delta,
    cohens_dz,
    crossed_interval,
    equivalence,
    holm,
    multi_bootstrap,
    sign_flip,
)
from gazeshift.statistics.multiplicity import benjamini_hochberg

P = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1))
COARSE = arrays(np.float64, st.integers(1, 20), elements=st.integers(-3, 3).map(float))  # with ties


@pytest.mark.slow
@given(COARSE, st.floats(0.1, 5))
def test_equivalence_against_statsmodels(values: np.ndarray, margin: float) -> None:
    if len(values) < 2 or values.std() == 0:
        return
    found = equivalence(crossed_interval(values[None, :]), margin)
    p_value, *_ = DescrStatsW(values).ttost_mean(-margin, margin)
    assert found.p_value == pytest.approx(p_value, abs=1e-9)
    low, high = found.interval_90
    if abs(found.p_value - 0.05) > 1e-9:
        assert found.equivalent == (-margin < low and high < margin)


def test_equivalence_uses_the_intervals_own_error_and_degrees_of_freedom() -> None:
    cells = np.random.default_rng(0).normal(size=(5, 10)) + np.arange(5)[:, None] - 2
    interval = crossed_interval(cells, confidence=0.9)
    assert equivalence(interval, 1).interval_90 == pytest.approx((interval.low, interval.high))


def test_equivalence_at_the_ends() -> None:
    known = crossed_interval(np.full((5, 5), 0.1))
    assert [equivalence(known, margin).p_value for margin in (0.2, 0.05)] == [0.0, 1.0]
    unknown = equivalence(crossed_interval(np.array([[0.0]])), 1)
    assert not unknown.equivalent
    assert math.isnan(unknown.p_value)
    other = SimpleNamespace(mean=0.0, standard_error=1.0, degrees_of_freedom=4.0)
    assert equivalence(other, 2.5).p_value == pytest.approx(scipy.stats.t.sf(2.5, 4)), "any mean with an error will do"
    for margin in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="positive"):
            equivalence(known, margin)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 9])
def test_holm_against_statsmodels(size: int) -> None:
    p = np.random.default_rng(size).random(size).round(1) / 3  # with ties
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)


@given(P)
def test_holm_against_its_steps(p: np.ndarray) -> None:
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.3, 0.8):
        rejected, remaining = set(), len(p)
        for index in np.argsort(
            p
        ):  # from the smallest on, until the first that is not small enough for those that remain
            if remaining * p[index] > level:
                break
            rejected.add(int(index))
            remaining -= 1
        assert rejected == set(np.flatnonzero(adjusted <= level).tolist())


@given(P)
def test_benjamini_hochberg_against_scipy(p: np.ndarray) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), scipy.stats.false_discovery_control(p), atol=1e-12)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_test_that_was_not_made_does_not_count(adjust) -> None:  # type: ignore[no-untyped-def]
    p = np.array([0.01, np.nan, 0.03])
    adjusted = adjust(p)
    assert math.isnan(adjusted[1])
    assert adjusted[[0, 2]].tolist() == adjust(p[[0, 2]]).tolist()
    assert adjust(np.array([])).tolist() == []
    for wrong in (np.array([0.5, 1.5]), np.array([-0.1]), np.array([[0.5]])):
        with pytest.raises(UsageError, match="p-values"):
            adjust(wrong)


@pytest.mark.slow
@given(COARSE, COARSE)
def test_cliffs_delta_against_all_pairs(a: np.ndarray, b: np.ndarray) -> None:
    pairs = [np.sign(x - y) for x, y in itertools.product(a, b)]
    assert cliffs_delta(a, b) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert cliffs_delta(a, b) == pytest.approx(-cliffs_delta(b, a), abs=1e-12)


@pytest.mark.slow
@given(COARSE, COARSE)
def test_auroc_against_scikit_learn_and_mann_whitney(edit: np.ndarray, floor: np.ndarray) -> None:
    labels = np.repeat([1, 0], [len(edit), len(floor)])
    assert auroc(edit, floor) == pytest.approx(roc_auc_score(labels, np.concatenate([edit, floor])), abs=1e-12)
    statistic = (
        scipy.stats.mannwhitneyu(edit, floor, method="asymptotic").statistic if len({*edit, *floor}) > 1 else None
    )
    if statistic is not None:
        assert auroc(edit, floor) == pytest.approx(statistic / (len(edit) * len(floor)), abs=1e-12)


def test_effect_sizes_leave_nan_out_and_say_nan_where_there_is_nothing() -> None:
    values, holed = np.array([1.0, 3.0, 4.0]), np.array([1.0, np.nan, 3.0, 4.0])
    theirs = scipy.stats.ttest_1samp(values, 0).statistic / math.sqrt(3)
    assert cohens_dz(values) == cohens_dz(holed) == pytest.approx(theirs)
    assert cohens_dz(values * 1e-200) == pytest.approx(theirs)
    assert cliffs_delta(values, holed) == 0
    nothing = np.array([np.nan])
    for undefined in (
        cohens_dz(np.array([1.0])),
        cohens_dz(np.full(5, 0.1)),
        cliffs_delta(values, nothing),
        auroc(nothing, values),
    ):
        assert math.isnan(undefined)


@pytest.mark.slow
def test_the_bootstrap_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(5, 8)) + rng.normal(size=(5, 1)) + rng.normal(size=(1, 8))
    found = multi_bootstrap(cells, 20_000, np.random.default_rng(1))
    means = [
        cells[np.ix_(rng.integers(0, 5, 5), rng.integers(0, 8, 8))].mean()  # whole rows and columns, with replacement
        for _ in range(20_000)
    ]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.03)
    assert found.standard_error == pytest.approx(np.std(means), rel=0.03)
    assert found.mean == pytest.approx(cells.mean())


def test_the_bootstrap_counts_and_labels_as_the_interval_does() -> None:
    cells = np.random.default_rng(0).normal(size=(3, 6))
    cells[0, 2] = np.nan
    rng = np.random.default_rng(0)
    found = multi_bootstrap(cells, 100, rng)
    assert (found.seeds, found.classes, found.dropped_classes, found.scope) == (3, 5, 1, "seeds and classes")
    alone = multi_bootstrap(cells[1:2], 100, rng)
    assert (alone.scope, alone.low < alone.mean < alone.high) == ("classes", True)
    single = multi_bootstrap(np.ones((1, 1)), 100, rng)
    assert single.scope == "none"
    assert math.isnan(single.low)
    again = [multi_bootstrap(cells, 100, np.random.default_rng(5)).low for _ in range(2)]
    assert again[0] == again[1]
    for draws, confidence in ((0, 0.95), (10, 95)):
        with pytest.raises(UsageError, match="bootstrap"):
            multi_bootstrap(cells, draws, rng, confidence)


@given(arrays(np.float64, st.integers(1, 8), elements=st.integers(-5, 5).map(float)))
def test_sign_flips_against_all_patterns(values: np.ndarray) -> None:
    patterns = itertools.product([-1, 1], repeat=len(values))
    sums = [abs(sum(sign * value for sign, value in zip(signs, values, strict=True))) for signs in patterns]
    found = sign_flip(values)
    assert found.p_value == np.mean([total >= abs(values.sum()) for total in sums])
    assert (found.exact, found.patterns) == (True, 2 ** len(values))
    assert found.smallest_p <= found.p_value


def test_sign_flips_against_scipy() -> None:
    values = np.random.default_rng(3).normal(0.5, size=9)
    theirs = scipy.stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(values).p_value == pytest.approx(theirs.pvalue)


def test_six_values_are_needed() -> None:
    five, six = sign_flip(np.arange(1.0, 6)), sign_flip(np.arange(1.0, 7))
    assert (five.p_value, five.smallest_p) == (0.0625, 0.0625)
    assert (six.p_value, six.smallest_p) == (0.03125, 0.03125)


def test_many_values_are_sampled_and_close_to_the_t_test() -> None:
    values = np.random.default_rng(2).normal(0.2, size=80)
    found = sign_flip(values, 50_000)
    assert not found.exact
    assert found.p_value == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue, abs=0.01)
    assert sign_flip(values + 10, 999).p_value == 1 / 1000, "never 0"
    assert sign_flip(values, 999).p_value == sign_flip(values, 999).p_value


def test_sign_flips_leave_nan_out_and_refuse_nonsense() -> None:
    assert sign_flip(np.array([1.0, np.nan, 2.0])).values == 2
    assert math.isnan(sign_flip(np.array([np.nan])).p_value)
    for values, draws in ((np.array([np.inf]), 10), (np.ones(3), 0), (np.ones((2, 2)), 10)):
        with pytest.raises(UsageError, match="sign-flip"):
            sign_flip(values.ravel() if values.ndim == 1 else values, draws)
