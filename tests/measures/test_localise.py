"""Does a map lie on the object: against loops and sets, and against what chance and an oracle reach."""

import math
from itertools import product

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeshift.errors import UsageError
from gazeshift.measures import (
    beyond_chance,
    distribution,
    mask_excess,
    mask_mass,
    mass_ceiling,
    pointing_ceiling,
    pointing_chance,
    pointing_game,
    rank_accuracy,
    rank_ceiling,
)

SHARES = arrays(np.float64, (3, 4), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])).filter(lambda mask: mask.any())
WHOLE = arrays(np.bool_, (3, 4)).filter(lambda mask: mask.any())
RAW = arrays(np.float64, (3, 4), elements=st.integers(-3, 5).map(float)).filter(lambda raw: raw.max() > 0)
TOLERANCES = st.sampled_from([0.0, 1.0, 1.5, 2.0, 10.0])


@pytest.mark.slow
@given(RAW, SHARES, arrays(np.float64, (4, 3, 4), elements=st.sampled_from([0.0, 0.5, 1.0])))
def test_excess_against_loops(raw: np.ndarray, own: np.ndarray, others: np.ndarray) -> None:
    p = distribution(raw)
    masses = [float((p * other).sum()) for other in others if other.any()]
    excess = mask_excess(p, own, others)
    if not masses:
        assert np.isnan(excess)
        return
    assert excess == pytest.approx(float((p * own).sum()) - sum(masses) / len(masses), abs=1e-12)
    assert -1 <= excess <= 1


def mean_of_others(masks: np.ndarray) -> np.ndarray:
    """For every image the mean of the other images' masks, empty ones left out."""
    others = (np.delete(masks, index, axis=0) for index in range(len(masks)))
    return np.stack([mine[mine.any((1, 2))].mean(0) for mine in others])


def test_excess_over_the_mean_of_the_other_masks_is_the_same() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((6, 3, 4)) * (rng.random((6, 3, 4)) > 0.4)
    masks[3] = 0
    p = distribution(rng.normal(size=(6, 3, 4)))
    means = mean_of_others(masks)
    each = mask_excess(p, masks, np.stack([np.delete(masks, i, axis=0) for i in range(6)]))
    np.testing.assert_allclose(mask_excess(p, masks, means[:, None]), each, atol=1e-12)
    assert np.isnan(each).tolist() == [False, False, False, True, False, False], "no object, no excess"


def test_the_same_map_for_every_image_has_no_excess_in_the_mean_but_a_lift() -> None:
    rng = np.random.default_rng(0)
    masks = (rng.random((50, 8, 8)) < np.outer(np.hanning(10)[1:-1], np.hanning(10)[1:-1])).astype(np.float64)
    stare = np.broadcast_to(distribution(np.outer(np.hanning(10)[1:-1], np.hanning(10)[1:-1])), (50, 8, 8))
    assert mask_excess(stare, masks, mean_of_others(masks)[:, None]).mean() == pytest.approx(0, abs=1e-12)
    assert mask_excess(masks / masks.sum((1, 2), keepdims=True), masks, mean_of_others(masks)[:, None]).min() > 0.2


@given(st.permutations(range(12)), WHOLE)
def test_rank_accuracy_of_whole_cells_against_sets(ranks: list[int], mask: np.ndarray) -> None:
    raw = np.array(ranks, dtype=np.float64).reshape(3, 4) - 3
    inside = set(np.flatnonzero(mask).tolist())
    top = set(sorted(range(12), key=lambda cell: -ranks[cell])[: len(inside)])
    score = rank_accuracy(raw, mask.astype(np.float64))
    assert score == pytest.approx(len(top & inside) / len(inside))
    assert rank_accuracy(np.exp(raw), mask.astype(np.float64)) == pytest.approx(float(score)), "only the order counts"


@pytest.mark.slow
@given(RAW, SHARES)
def test_no_map_beats_the_ceilings_and_some_map_reaches_them(raw: np.ndarray, mask: np.ndarray) -> None:
    p = distribution(raw)
    assert mask_mass(p, mask) <= mass_ceiling(mask) + 1e-12
    assert rank_accuracy(raw, mask) <= rank_ceiling(mask) + 1e-12
    # The best set of cells with the mask's area, fractions allowed, by a linear programme.
    best = scipy.optimize.linprog(-mask.ravel(), A_eq=np.ones((1, 12)), b_eq=[mask.sum()], bounds=(0, 1))
    assert rank_ceiling(mask) == pytest.approx(-best.fun / mask.sum(), abs=1e-9)
    oracle = distribution(np.where(mask == mask.max(), 1.0, 0.0))
    assert mask_mass(oracle, mask) == pytest.approx(float(mass_ceiling(mask)))
    for tolerance in (0.0, 1.0):
        assert pointing_game(p, mask, tolerance) <= pointing_ceiling(mask)
        assert pointing_game(oracle, mask, tolerance) == pytest.approx(float(pointing_ceiling(mask)))


@given(RAW, SHARES, TOLERANCES)
def test_pointing_against_loops(raw: np.ndarray, mask: np.ndarray, tolerance: float) -> None:
    p = distribution(raw)

    def near(i: int, j: int) -> float:
        cells = product(range(3), range(4))
        return max(float(mask[k, m]) for k, m in cells if math.hypot(k - i, m - j) <= tolerance)

    hits = {(i, j): near(i, j) for i, j in product(range(3), range(4))}
    peaks = [cell for cell in hits if raw[cell] == raw.max()]
    assert pointing_game(p, mask, tolerance) == pytest.approx(sum(hits[cell] for cell in peaks) / len(peaks))
    assert pointing_chance(mask, tolerance) == pytest.approx(sum(hits.values()) / 12)


def test_chance_is_what_random_maps_reach() -> None:
    raw = np.random.default_rng(0).random((20000, 3, 4))
    mask = np.array([[1.0, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0.25]])
    assert rank_accuracy(raw, mask).mean() == pytest.approx(mask.mean(), abs=0.01)
    for tolerance in (0.0, 1.0):
        scores = pointing_game(distribution(raw), mask, tolerance)
        assert scores.mean() == pytest.approx(float(pointing_chance(mask, tolerance)), abs=0.01)
    assert rank_accuracy(np.ones((3, 4)), mask) == pytest.approx(mask.mean()), "a map without an order is at chance"


def test_beyond_chance() -> None:
    score, chance = np.array([1.0, 0.2, 0.0, 1.0, np.nan]), np.array([0.2, 0.2, 0.5, 1.0, 0.2])
    np.testing.assert_array_equal(beyond_chance(score, chance), [1, 0, -1, np.nan, np.nan])


def test_undefined_maps_and_empty_masks_are_nan_and_batches_broadcast() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(2, 3, 4, 5))
    raw[0, 1], raw[1, 0, 2, 2] = -1.0, np.nan
    mask = rng.random((3, 4, 5))
    mask[2] = 0
    lost = np.array([[False, True, True], [True, False, True]])
    p = distribution(raw)
    assert np.array_equal(np.isnan(rank_accuracy(raw, mask)), lost)
    assert np.array_equal(np.isnan(pointing_game(p, mask, 1.0)), lost)
    assert np.array_equal(np.isnan(mask_excess(p, mask, mask[:, None])), lost)
    assert rank_accuracy(raw, mask)[1, 1] == pytest.approx(float(rank_accuracy(raw[1, 1], mask[1])))
    assert pointing_game(p, mask, 1.0)[0, 0] == float(pointing_game(p[0, 0], mask[0], 1.0))
    for ceiling in (mass_ceiling, rank_ceiling, pointing_ceiling, pointing_chance):
        assert np.isnan(ceiling(mask)).tolist() == [False, False, True]


@pytest.mark.parametrize("tolerance", [-1.0, float("nan")])
def test_a_negative_tolerance_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match="distance in cells"):
        pointing_game(np.full((2, 2), 0.25), np.ones((2, 2)), tolerance)
