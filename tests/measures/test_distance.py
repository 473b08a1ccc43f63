"""How far apart two maps are: against scipy, and what must not change a distance."""

import math
from itertools import permutations, product

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeshift.errors import UsageError
from gazeshift.measures import (
    amplitude,
    amplitude_change,
    decompose,
    distribution,
    interaction_share,
    iou,
    iou_chance,
    jensen_shannon,
    pearson,
    spearman,
)
from gazeshift.measures.ranking import top_cells
from gazeshift.measures.shift import Decomposition

CELLS = arrays(np.float64, (3, 4), elements=st.floats(-10, 10, allow_subnormal=False, width=32))
MAPS = CELLS.filter(lambda raw: raw.max() > 1e-3)


@pytest.mark.slow
@given(MAPS, MAPS)
def test_jensen_shannon_against_scipy(a: np.ndarray, b: np.ndarray) -> None:
    p, q = distribution(a), distribution(b)
    divergence = float(jensen_shannon(p, q))
    expected = scipy.spatial.distance.jensenshannon(p.ravel(), q.ravel(), base=2) ** 2
    # Scipy's sum of differences can fall below 0 by rounding, and its root is NaN then.
    assert divergence == pytest.approx(0.0 if math.isnan(expected) else expected, abs=1e-9)
    assert 0 <= divergence <= 1
    assert divergence == pytest.approx(float(jensen_shannon(q, p)), abs=1e-12)
    assert jensen_shannon(p, p) == pytest.approx(0, abs=1e-12)
    assert divergence == pytest.approx(float(jensen_shannon(p[::-1, ::-1], q[::-1, ::-1])), abs=1e-12)


@pytest.mark.slow
@given(MAPS, MAPS, MAPS)
def test_its_root_is_a_metric(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    p, q, r = distribution(np.stack([a, b, c]))
    ways = [math.sqrt(jensen_shannon(*pair)) for pair in ((p, r), (p, q), (q, r))]
    assert ways[0] <= ways[1] + ways[2] + 1e-7


def test_disjoint_maps_are_one_bit_apart_and_undefined_ones_nowhere() -> None:
    a, b = np.zeros((2, 2)), np.zeros((2, 2))
    a[0], b[1] = 0.5, 0.5
    assert jensen_shannon(a, b) == pytest.approx(1)
    lost = np.full((2, 2), np.nan)
    assert np.isnan(jensen_shannon(np.stack([a, lost, lost]), np.stack([lost, b, lost]))).all()
    assert jensen_shannon(np.stack([a, b]), a).tolist() == pytest.approx([0, 1]), "shapes broadcast"


@given(CELLS, CELLS, st.floats(0.1, 10), st.floats(-5, 5))
def test_pearson_against_scipy(a: np.ndarray, b: np.ndarray, scale: float, offset: float) -> None:
    if a.std() < 1e-3 or b.std() < 1e-3:
        return
    expected = scipy.stats.pearsonr(a.ravel(), b.ravel()).statistic
    assert pearson(a, b) == pytest.approx(expected, abs=1e-9)
    assert pearson(scale * a + offset, b) == pytest.approx(expected, abs=1e-6)
    assert pearson(-a, b) == pytest.approx(-expected, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pearson_of_huge_and_tiny_maps(scale: float, dtype: type) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 4, 5))
    expected = scipy.stats.pearsonr(a.ravel(), b.ravel()).statistic
    assert pearson((a * scale).astype(dtype), (b / scale).astype(dtype)) == pytest.approx(expected, abs=1e-6)


def test_pearson_is_undefined_for_constant_and_infinite_maps() -> None:
    a = np.random.default_rng(0).normal(size=(2, 3))
    for other in (np.zeros((2, 3)), np.full((2, 3), 0.1), np.full((2, 3), np.nan), np.where(a > a.min(), a, np.inf)):
        assert np.isnan(pearson(a, other))
        assert np.isnan(pearson(other, a))


@pytest.mark.slow
@given(CELLS, CELLS)
def test_spearman_against_scipy(a: np.ndarray, b: np.ndarray) -> None:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(spearman(a, b))
        return
    expected = scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic
    assert spearman(a, b) == pytest.approx(expected, abs=1e-9)
    assert spearman(np.arctan(a / 8), b) == pytest.approx(expected, abs=1e-9), "only the order counts"
    assert spearman(-a, b) == pytest.approx(-expected, abs=1e-9)


@pytest.mark.slow
@given(arrays(np.float64, (2, 3), elements=st.integers(0, 3).map(float)), st.integers(0, 6))
def test_top_cells_are_the_mean_over_all_ways_to_break_ties(values: np.ndarray, count: int) -> None:
    taken, orders = np.zeros(6), list(permutations(range(6)))
    for order in orders:
        ranked = sorted(order, key=lambda cell: -values.flat[cell])  # a stable sort: the order breaks the ties
        taken[ranked[:count]] += 1 / len(orders)
    np.testing.assert_allclose(top_cells(values, np.asarray(float(count))).ravel(), taken, atol=1e-9)


def test_top_cells_take_fractions_and_one_count_a_map() -> None:
    values = np.array([[[4.0, 3.0, 2.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]]])
    assert top_cells(values, np.array([1.5, 2.0])).tolist() == [[[1, 0.5, 0, 0]], [[0.5] * 4]]


@given(st.permutations(range(12)), st.permutations(range(12)), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_iou_against_sets(a: list[int], b: list[int], share: float) -> None:
    first, second = (np.array(ranks, dtype=np.float64).reshape(3, 4) for ranks in (a, b))
    count = max(1, round(12 * share))
    top = [{cell for cell in range(12) if ranks[cell] >= 12 - count} for ranks in (a, b)]
    assert iou(first, second, share) == pytest.approx(len(top[0] & top[1]) / len(top[0] | top[1]))
    assert iou(np.exp(first), second**3, share) == iou(first, second, share), "only the order counts"


def test_iou_prefers_no_place_among_ties() -> None:
    one, other = np.zeros((2, 4)), np.zeros((2, 4))
    one[0, 0] = other[1, 3] = 1
    flips = [iou(one[flip], other[flip], 0.5) for flip in (np.s_[:], np.s_[::-1], np.s_[:, ::-1])]
    # One cell each for sure; the other three places are shared by seven.
    expected = (2 * 3 / 7 + 6 * 3 / 7) / (2 * 1 + 6 * 3 / 7)
    assert flips == pytest.approx([expected] * 3)
    assert iou(one, one, 0.5) == 1


@pytest.mark.parametrize("share", [0.125, 0.25, 0.5])
def test_iou_of_random_maps_is_about_its_chance(share: float) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 10_000, 8, 8))
    assert iou(a, b, share).mean() == pytest.approx(iou_chance(share), abs=0.01)


def test_rank_measures_are_undefined_for_constant_and_infinite_maps() -> None:
    a = np.random.default_rng(0).normal(size=(2, 3))
    others = np.stack(
        [np.zeros((2, 3)), np.full((2, 3), 0.1), np.full((2, 3), np.nan), np.where(a > a.min(), a, np.inf), a]
    )
    for measure in (spearman, iou):
        assert np.isnan(measure(a, others)).tolist() == np.isnan(measure(others, a)).tolist() == [True] * 4 + [False]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="iou: the share"):
        iou(np.eye(2), np.eye(2), share)
    with pytest.raises(UsageError, match="iou_chance: the share"):
        iou_chance(share)


@pytest.mark.slow
@given(MAPS, MAPS, st.sampled_from([1e-6, 3.0, 1e6]))
def test_amplitude_change(a: np.ndarray, b: np.ndarray, scale: float) -> None:
    expected = math.log(np.maximum(b, 0).sum() / np.maximum(a, 0).sum())
    assert amplitude_change(a, b) == pytest.approx(expected, abs=1e-9)
    assert amplitude_change(a, b) == -amplitude_change(b, a) == amplitude(b) - amplitude(a)
    assert amplitude_change(scale * a, scale * b) == pytest.approx(expected, abs=1e-9)
    assert np.isnan(amplitude_change(a, -np.ones((3, 4))))


@pytest.mark.slow
@given(MAPS, MAPS, MAPS, MAPS)
def test_decomposition_adds_up(m00: np.ndarray, m10: np.ndarray, m01: np.ndarray, m11: np.ndarray) -> None:
    parts = decompose(m00, m10, m01, m11)
    p = [distribution(m) for m in (m00, m10, m01, m11)]
    both, switch, gates = (float(jensen_shannon(p[0], p[i])) for i in (3, 1, 2))
    assert parts.both == both
    assert parts.switch + parts.within == pytest.approx(both, abs=1e-12)
    # Shapley by its definition: the mean of what a player adds, over both orders in which the players may enter.
    assert parts.switch == pytest.approx(((switch - 0) + (both - gates)) / 2, abs=1e-12)
    assert parts.within == pytest.approx(((gates - 0) + (both - switch)) / 2, abs=1e-12)


@pytest.mark.slow
@given(MAPS, MAPS)
def test_one_cause_takes_it_all(a: np.ndarray, b: np.ndarray) -> None:
    distance = float(jensen_shannon(distribution(a), distribution(b)))
    switched, gated = decompose(a, b, a, b), decompose(a, a, b, b)
    assert (switched.switch, switched.within) == (pytest.approx(distance, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert (gated.switch, gated.within) == (pytest.approx(0, abs=1e-12), pytest.approx(distance, abs=1e-12))


def test_an_undefined_map_takes_its_shares_along() -> None:
    a, b = np.random.default_rng(0).random((2, 3, 3))
    lost = -np.ones((3, 3))

    def nans(parts: Decomposition) -> list[bool]:
        return [bool(np.isnan(value)) for value in (parts.both, parts.switch, parts.within)]

    assert nans(decompose(a, b, a, b)) == [False, False, False]
    assert nans(decompose(a, lost, a, b)) == [False, True, True]
    assert nans(decompose(a, b, lost, b)) == [False, True, True]
    assert nans(decompose(a, b, a, lost)) == [True, True, True]
    assert nans(decompose(lost, b, a, b)) == [True, True, True]


def test_interaction_is_the_share_of_what_neither_does_alone() -> None:
    base, text, target, together = np.random.default_rng(0).normal(size=(4, 3, 3))
    maps = base, base + target, base + text, base + target + text + together
    alone, both = np.abs(target).sum() + np.abs(text).sum(), np.abs(together).sum()
    assert interaction_share(*maps) == pytest.approx(both / (alone + both))
    assert interaction_share(*(1e-20 * (raw + 5) for raw in maps)) == pytest.approx(both / (alone + both))
    assert interaction_share(base, base + target, base + text, base + target + text) == 0
    assert interaction_share(base, base, base, base + together) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_interaction_of_additive_maps_is_no_rounding(dtype: type) -> None:
    """Maps as large as a model's, of which float32 keeps seven digits: what is left of an additive split is exactly 0."""
    base, text, target = np.random.default_rng(0).normal(size=(3, 100, 8, 8))
    maps = [
        raw.astype(dtype) for raw in (1e3 + base, 1e3 + base + target, 1e3 + base + text, 1e3 + base + target + text)
    ]
    assert (interaction_share(*maps) == 0).all()


def test_without_a_change_or_a_map_there_is_no_interaction() -> None:
    base, other = np.random.default_rng(0).normal(size=(2, 3, 3))
    assert np.isnan(interaction_share(base, base, base, base))
    assert np.isnan(interaction_share(base, base + 1e-9, base, base))
    for place, lost in product(range(4), (np.nan, np.inf)):
        maps = [base, other, base, base + other]
        assert np.isfinite(interaction_share(*maps))
        maps[place] = maps[place].copy()
        maps[place][0, 0] = lost
        assert np.isnan(interaction_share(*maps)), place
