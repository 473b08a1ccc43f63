"""The one rule for rounding, and everything that must keep to it: what only rounding left over is no finding."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.measures import (
    InformationSums,
    infidelity,
    iou,
    mm_shap,
    pearson,
    sensitivity_n,
    shift_faithfulness,
    spearman,
    two_player_shapley,
)
from gazeshift.rounding import EXACT, ROUNDING, beyond_rounding, constant, rounding
from gazeshift.statistics import crossed_interval

RNG = np.random.default_rng
LOGIT = 7.3


def rounded(shape: tuple[int, ...], value: float = LOGIT, seed: int = 0) -> np.ndarray:
    """Numbers that are equal on paper, as float32 sums in another order give them: they differ in the last digits."""
    ulp = float(np.spacing(np.float32(value)))
    return value + ulp * RNG(seed).integers(-3, 4, shape)


def constant_score(keep: np.ndarray) -> np.ndarray:
    """A score that no cell matters to, up to rounding."""
    return rounded((len(keep),), seed=int(keep.sum()))


MAP = RNG(1).normal(size=(4, 4))
NOTHING: dict[str, Callable[[], float]] = {
    "pearson": lambda: float(pearson(rounded((4, 4)), MAP)),
    "spearman": lambda: float(spearman(rounded((4, 4)), MAP)),
    "iou": lambda: float(iou(rounded((4, 4)), MAP)),
    "sensitivity-n of a score without effect": lambda: sensitivity_n(MAP, constant_score, 5, 40, RNG(0)),
    "sensitivity-n of a constant map": lambda: sensitivity_n(
        rounded((4, 4)), lambda keep: (keep * MAP).sum((1, 2)), 5, 40, RNG(0)
    ),
    "relative infidelity": lambda: infidelity(MAP, constant_score, 40, RNG(0)).relative,
    "rho": lambda: shift_faithfulness(rounded((9,)), RNG(0).normal(size=9)).rho,
    "slope": lambda: shift_faithfulness(rounded((9,)), RNG(0).normal(size=9)).slope,
    "share of the text": lambda: mm_shap(constant_score, 3, 2, 4, RNG(0)).t_shap,
    "sampled share of the text": lambda: mm_shap(constant_score, 9, 5, 2, RNG(0)).t_shap,
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_measure_of_rounding_alone_is_undefined(name: str) -> None:
    assert np.isnan(NOTHING[name]())


def test_shares_of_rounding_alone_are_exactly_nothing() -> None:
    shares = two_player_shapley(*(rounded((20,), seed=seed) for seed in range(4)))
    assert not any(part.any() for part in (shares.text, shares.image, shares.interaction))
    shares = mm_shap(constant_score, 3, 2, 4, RNG(0))
    assert not shares.image.any()
    assert not shares.text.any()


@pytest.mark.parametrize(("height", "width"), [(1, 2), (3, 3), (7, 7), (8, 8), (14, 13)])
def test_the_static_share_of_uniform_maps_is_undefined(height: int, width: int) -> None:
    sums = InformationSums()
    for _ in range(5):
        maps = np.full((3, 2, height, width), 1 / (height * width))
        sums.add(maps / maps.sum((2, 3), keepdims=True))
    split = sums.split()
    assert (split.static, split.image, split.text, split.total) == (0, 0, 0, 0)
    assert np.isnan(split.static_share)


def test_equal_cells_have_an_interval_of_no_width() -> None:
    cells = np.full((3, 4), 0.1) * (1 + np.finfo(float).eps * RNG(0).integers(-2, 3, (3, 4)))
    found = crossed_interval(cells)
    assert found.low == found.high == found.mean


@given(st.floats(1e-30, 1e30), st.floats(-1, 1), st.sampled_from([ROUNDING, EXACT]))
def test_the_bar_is_a_share_of_the_scale(scale: float, part: float, share: float) -> None:
    found = float(beyond_rounding(np.asarray(part * scale), scale, share))
    assert found == (0 if abs(part * scale) <= share * scale else part * scale)


@given(st.floats(1e-30, 1e30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_what_is_computed_in_another_order_is_constant(value: float, count: int, seed: int) -> None:
    values = value * (1 + 1e-7 * RNG(seed).uniform(-3, 3, count))
    assert constant(values)
    assert constant(-values)
    assert not constant(np.append(values, value * (1 + 1e-3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_like_nothing(bad: float) -> None:
    assert constant(np.array([[bad, bad], [1.0, 1.0]]), axis=1).tolist() == [False, True]
    assert not np.isfinite(beyond_rounding(np.asarray(bad), 1.0))


def test_a_coarser_precision_has_a_coarser_bar() -> None:
    shares = [rounding(float(eps)) for eps in (2**-52, 2**-23, 2**-10, 2**-7)]
    assert shares == sorted(shares)
    assert shares[0] == shares[1] == ROUNDING
