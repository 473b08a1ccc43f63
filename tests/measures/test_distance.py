"""How far apart two maps are: against scipy, and what must not change a distance."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeshift.measures import Decomposition, decompose, distribution, interaction, jensen_shannon, pearson

CELLS = arrays(np.float64, (3, 4), elements=st.floats(-10, 10, allow_subnormal=False, width=32))
MAPS = CELLS.filter(lambda raw: raw.max() > 1e-3)


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


def test_interaction_is_what_neither_does_alone() -> None:
    base, text, target, together = np.random.default_rng(0).normal(size=(4, 3, 3))
    maps = base, base + target, base + text, base + target + text + together
    np.testing.assert_allclose(interaction(*maps), together, atol=1e-12)
