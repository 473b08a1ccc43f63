"""Faithfulness of one map: against loops and captum, and where the right answer is known."""

import numpy as np
import pytest
import scipy.stats
import torch
from captum.metrics import infidelity as captum_infidelity
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeshift.errors import UsageError
from gazeshift.measures import deletion, infidelity, insertion, road, sensitivity_n

RAW = arrays(np.float64, (3, 4), elements=st.integers(-3, 6).map(float)).filter(lambda raw: raw.max() > 0)
WEIGHTS = np.random.default_rng(0).normal(size=(3, 4))


def additive(keep: np.ndarray) -> np.ndarray:
    return 0.5 + (keep * WEIGHTS).sum((1, 2))


def curved(keep: np.ndarray) -> np.ndarray:
    return np.tanh(additive(keep)) + keep[:, 0, 0] * keep[:, 1, 1]


@given(st.permutations(range(12)))
def test_curves_without_ties_against_a_loop(ranks: list[int]) -> None:
    raw = np.array(ranks, dtype=np.float64).reshape(3, 4) - 4
    order = sorted(range(12), key=lambda cell: -ranks[cell])
    for measure, start, end in ((insertion, 0.0, 1.0), (deletion, 1.0, 0.0)):
        keep = np.full(12, start)
        expected = [curved(keep.reshape(1, 3, 4))[0]]
        for cell in order:
            keep[cell] = end
            expected.append(curved(keep.reshape(1, 3, 4))[0])
        curve = measure(raw, curved)
        assert curve.scores == pytest.approx(expected)
        assert curve.shares == pytest.approx(np.arange(13) / 12)
        # RISE's own formula for evenly spaced points.
        assert curve.area == pytest.approx((sum(expected) - expected[0] / 2 - expected[-1] / 2) / 12)
    result = road(raw, curved)
    backwards = deletion(-raw + 20, curved)
    assert result.difference == pytest.approx(deletion(raw, curved).area - backwards.area)


@given(RAW)
def test_tied_cells_go_together(raw: np.ndarray) -> None:
    asked = []

    def score(keep: np.ndarray) -> np.ndarray:
        asked.append(keep)
        return curved(keep)

    curve = insertion(raw, score)
    heights = sorted(set(raw.ravel().tolist()), reverse=True)
    assert len(asked[0]) == len(heights) + 1
    for keep, height, share in zip(asked[0][1:], heights, curve.shares[1:], strict=True):
        assert np.array_equal(keep == 1, raw >= height)
        assert share == pytest.approx((raw >= height).mean())
    turned = insertion(raw[::-1, ::-1], lambda keep: curved(keep[:, ::-1, ::-1]))
    assert turned.area == pytest.approx(curve.area), "no cell is preferred for its place"


@given(RAW, st.integers(1, 20))
def test_steps_thin_the_curve_out_but_keep_its_ends(raw: np.ndarray, steps: int) -> None:
    full, thin = deletion(raw, curved), deletion(raw, curved, steps)
    assert len(thin.shares) <= min(steps, 12) + 1
    assert (thin.shares[0], thin.shares[-1]) == (0, 1)
    assert (thin.scores[0], thin.scores[-1]) == (full.scores[0], full.scores[-1])
    assert set(thin.shares.tolist()) <= set(full.shares.tolist())


def test_the_true_terms_of_an_additive_score_are_the_best_order() -> None:
    rng = np.random.default_rng(0)
    truth = WEIGHTS
    for _ in range(30):
        other = rng.permutation(truth.ravel()).reshape(3, 4)
        assert insertion(truth, additive).area >= insertion(other, additive).area
        assert deletion(truth, additive).area <= deletion(other, additive).area
        assert road(truth, additive).difference <= road(other, additive).difference
    assert road(truth, additive).difference < 0 < road(-truth, additive).difference
    assert road(np.ones((3, 4)), additive).difference == 0
    assert insertion(np.exp(truth), additive).area == insertion(truth, additive).area, "only the order counts"


@pytest.mark.parametrize("raw", [-np.ones((3, 4)), np.zeros((3, 4)), np.full((3, 4), np.nan)])
def test_undefined_maps_are_nan_and_nobody_is_asked(raw: np.ndarray) -> None:
    def never(keep: np.ndarray) -> np.ndarray:
        raise AssertionError

    assert np.isnan([insertion(raw, never).area, deletion(raw, never).area, road(raw, never).difference]).all()


@pytest.mark.parametrize("n", [1, 5, 11])
def test_sensitivity_n_against_scipy_on_the_same_sets(n: int) -> None:
    raw = np.random.default_rng(1).normal(size=(3, 4))
    asked = []

    def score(keep: np.ndarray) -> np.ndarray:
        asked.append(keep)
        return curved(keep)

    value = sensitivity_n(raw, score, n, samples=40, rng=np.random.default_rng(0))
    whole, hidden = asked[0][0], 1 - asked[0][1:]
    assert whole.all()
    assert (hidden.sum((1, 2)) == n).all()
    assert len(np.unique(hidden.reshape(40, -1), axis=0)) > 5
    losses = curved(whole[None])[0] - curved(1 - hidden)
    assert value == pytest.approx(scipy.stats.pearsonr((hidden * raw).sum((1, 2)), losses).statistic)
    assert sensitivity_n(WEIGHTS, additive, n, 40, np.random.default_rng(0)) == pytest.approx(1)
    assert sensitivity_n(3 - 2 * WEIGHTS, additive, n, 40, np.random.default_rng(0)) == pytest.approx(-1)


def test_sensitivity_n_of_a_map_without_differences() -> None:
    rng = np.random.default_rng(0)
    assert np.isnan(sensitivity_n(np.ones((3, 4)), additive, 3, 20, rng))
    assert np.isnan(sensitivity_n(WEIGHTS, lambda keep: np.ones(len(keep)), 3, 20, rng))
    assert np.isnan(sensitivity_n(np.full((3, 4), np.nan), additive, 3, 20, rng))
    for n in (0, 12):
        with pytest.raises(UsageError, match="fewer than all 12 cells"):
            sensitivity_n(WEIGHTS, additive, n, 20, rng)
    with pytest.raises(UsageError, match="at least 2 samples"):
        sensitivity_n(WEIGHTS, additive, 3, 1, rng)


@pytest.mark.parametrize("normalize", [True, False])
def test_infidelity_against_captum_on_the_same_sets(normalize: bool) -> None:
    raw = np.random.default_rng(1).normal(size=(3, 4))
    asked = []

    def score(keep: np.ndarray) -> np.ndarray:
        asked.append(keep)
        return curved(keep)

    result = infidelity(raw, score, samples=50, rng=np.random.default_rng(0))
    hidden = torch.from_numpy(1 - asked[0][1:])

    def perturb(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return hidden, inputs - hidden

    expected = captum_infidelity(
        lambda keep: torch.from_numpy(curved(keep.numpy())),
        perturb,
        torch.ones(1, 3, 4, dtype=torch.float64),
        torch.from_numpy(raw)[None],
        n_perturb_samples=50,
        normalize=normalize,
    )
    assert (result.value if normalize else result.unscaled) == pytest.approx(float(expected))


def test_infidelity_of_the_true_terms_and_of_any_scale() -> None:
    def measured(raw: np.ndarray):
        return infidelity(raw, additive, 200, np.random.default_rng(0))

    truth = measured(1e-3 * WEIGHTS)
    assert truth.value == pytest.approx(0, abs=1e-12)
    assert truth.scale == pytest.approx(1e3)
    assert measured(WEIGHTS).unscaled == pytest.approx(0, abs=1e-12)
    assert measured(-WEIGHTS).scale == pytest.approx(-1)
    other = np.random.default_rng(5).normal(size=(3, 4))
    assert 0 < measured(other).relative <= 1
    assert measured(1e6 * other).relative == pytest.approx(measured(other).relative)
    sizes = []
    infidelity(
        WEIGHTS, lambda keep: sizes.append((1 - keep).sum((1, 2))) or additive(keep), 2000, np.random.default_rng(0)
    )
    assert np.bincount(sizes[0][1:].astype(int), minlength=13)[1:].min() > 100, "sizes from 1 to all are drawn evenly"


def test_infidelity_of_nothing() -> None:
    rng = np.random.default_rng(0)
    for raw in (np.zeros((3, 4)), np.full((3, 4), np.nan), np.full((3, 4), np.inf)):
        result = infidelity(raw, additive, 20, rng)
        assert np.isnan([result.value, result.relative, result.scale, result.unscaled]).all()
    flat = infidelity(WEIGHTS, lambda keep: np.ones(len(keep)), 20, rng)
    assert (flat.value, flat.scale) == (0, 0)
    assert np.isnan(flat.relative)
    with pytest.raises(UsageError, match="at least 2 samples"):
        infidelity(WEIGHTS, additive, 1, rng)


def test_a_score_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"score must give one number for each of the 13 items it gets, not an array of shape \(\)"
    ):
        insertion(WEIGHTS, lambda keep: keep.sum())
    with pytest.raises(UsageError, match="at least 1 step"):
        deletion(WEIGHTS, additive, steps=0)
