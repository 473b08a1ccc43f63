"""The slope of the centroid on the shift: against least squares by numpy and scipy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.measures import centroid, equivariance


@given(st.integers(0, 10**6), st.floats(-1, 2), st.integers(3, 20))
def test_against_least_squares(seed: int, slope: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-0.5, 0.5, (n, 2))
    places = [0.3, -0.2] + slope * shifts + rng.normal(0, 0.1, (n, 2))
    result = equivariance(shifts, places)
    # One column for the slope, one intercept an axis.
    design = np.concatenate(
        [np.column_stack([shifts[:, axis], *np.repeat(np.eye(2)[:, [axis]], n, 1)]) for axis in (0, 1)]
    )
    expected = np.linalg.lstsq(design, places.T.ravel(), rcond=None)[0][0]
    assert result.slope == pytest.approx(expected, abs=1e-9)
    assert result.x == pytest.approx(scipy.stats.linregress(shifts[:, 0], places[:, 0]).slope, abs=1e-9)
    assert result.y == pytest.approx(scipy.stats.linregress(shifts[:, 1], places[:, 1]).slope, abs=1e-9)
    assert result.n == n


def test_a_map_that_follows_and_one_that_stays() -> None:
    """Cells of a content that moves by whole cells of an 8 x 8 grid, against a map locked to its place."""
    content = np.zeros((8, 8))
    content[2:5, 3:5] = [[0.1, 0.2], [0.3, 0.2], [0.1, 0.1]]
    steps = [(-2, 0), (-1, 2), (0, 0), (1, -1), (3, 3)]  # down, right
    following = np.stack([np.roll(content, step, (0, 1)) for step in steps])
    shifts = np.array([[right / 4, down / 4] for down, right in steps])
    follows, stays = equivariance(shifts, centroid(following)), equivariance(shifts, centroid(np.stack([content] * 5)))
    for axis in ("slope", "x", "y"):
        assert getattr(follows, axis) == pytest.approx(1)
        assert getattr(stays, axis) == pytest.approx(0, abs=1e-12)
    half = equivariance(shifts, centroid((following + content) / 2))
    assert half.slope == pytest.approx(0.5)


def test_undefined_maps_are_left_out_and_counted() -> None:
    rng = np.random.default_rng(0)
    shifts, places = rng.normal(size=(2, 6, 2))
    lost = places.copy()
    lost[[1, 4], 0] = np.nan
    result, expected = (
        equivariance(shifts, lost),
        equivariance(np.delete(shifts, [1, 4], 0), np.delete(places, [1, 4], 0)),
    )
    assert result.n == 4
    assert result.slope == pytest.approx(float(expected.slope))
    lost[:5] = np.nan
    alone = equivariance(shifts, lost)
    assert (alone.n, np.isnan(alone.slope), np.isnan(alone.x)) == (1, True, True)


def test_an_axis_without_shifts_has_no_slope() -> None:
    shifts = np.array([[0.1, 0.0], [0.1, 0.2], [0.1, 0.4], [0.1, 0.7]])
    result = equivariance(shifts, np.random.default_rng(0).normal(size=(4, 2)))
    assert np.isnan(result.x), "rounding of the mean of 0.1 must not make a variance"
    assert result.slope == result.y


def test_each_image_of_a_batch_has_its_own_intercept() -> None:
    rng = np.random.default_rng(0)
    shifts = rng.normal(size=(5, 2))
    homes = rng.normal(size=(3, 4, 1, 2))
    result = equivariance(shifts, homes + 0.6 * shifts)
    assert result.slope.shape == result.n.shape == (3, 4)
    np.testing.assert_allclose(result.slope, 0.6)
