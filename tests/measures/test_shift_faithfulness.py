"""Shift-faithfulness as a function of arrays: against loops and scipy, and where it is undefined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from gazeshift.errors import UsageError
from gazeshift.measures import shift_faithfulness

# 0, or far enough from it that squares neither vanish nor overflow.
numbers = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)
pairs = st.integers(3, 30).flatmap(lambda n: arrays(np.float64, (2, n), elements=numbers))


@pytest.mark.slow
@given(pairs)
def test_it_is_the_correlation_and_the_slope_of_a_regression(both: np.ndarray) -> None:
    moved, acted = both
    found = shift_faithfulness(moved, acted)
    assert found.n == len(moved)
    assert found.rms_map == pytest.approx(np.sqrt(sum(x * x for x in moved) / len(moved)))
    assert found.rms_effect == pytest.approx(np.sqrt(sum(x * x for x in acted) / len(moved)))
    if min(moved.std() / (1e-300 + abs(moved).max()), acted.std() / (1e-300 + abs(acted).max())) > 1e-6:
        line = stats.linregress(moved, acted)
        assert found.rho == pytest.approx(line.rvalue, abs=1e-6)
        assert found.slope == pytest.approx(line.slope, abs=1e-6 * (1 + abs(line.slope)))


@pytest.mark.slow
@given(pairs, st.floats(0.01, 100), st.floats(0.01, 100))
def test_scale_changes_the_slope_but_not_rho(both: np.ndarray, a: float, b: float) -> None:
    moved, acted = both
    plain, scaled = shift_faithfulness(moved, acted), shift_faithfulness(a * moved, b * acted)
    assert scaled.rho == pytest.approx(plain.rho, abs=1e-6, nan_ok=True)
    assert scaled.slope == pytest.approx(plain.slope * b / a, rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("moved", "acted", "slope"),
    [
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], np.nan),
        ([0.1, 0.1, 0.1], [1.0, 2.0, 3.0], np.nan),
        ([1.0, 2.0, 3.0], [0.3, 0.3, 0.3], 0.0),
    ],
)
def test_rho_is_undefined_without_variance_on_either_side(moved: list[float], acted: list[float], slope: float) -> None:
    found = shift_faithfulness(np.array(moved), np.array(acted))
    assert np.isnan(found.rho)
    assert found.slope == pytest.approx(slope, nan_ok=True)


def test_what_is_not_finite_on_one_side_is_left_out_and_not_counted() -> None:
    found = shift_faithfulness(np.array([1.0, np.nan, 2.0, 4.0, 3.0]), np.array([2.0, 1.0, 4.0, 8.0, np.inf]))
    assert (found.n, found.rho, found.slope) == (3, pytest.approx(1), pytest.approx(2))
    assert shift_faithfulness(np.array([np.nan]), np.array([1.0])).n == 0


def test_lengths_must_agree() -> None:
    with pytest.raises(UsageError, match="got 3 and 2"):
        shift_faithfulness(np.zeros(2), np.zeros(3))
