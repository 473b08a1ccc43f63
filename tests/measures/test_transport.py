"""Wasserstein-1 on the grid: against scipy's linear programme, and what a metric must keep."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeshift.errors import UsageError
from gazeshift.measures import distribution, wasserstein

CELLS = arrays(np.float64, (3, 4), elements=st.floats(-10, 10, allow_subnormal=False, width=32))
MAPS = CELLS.filter(lambda raw: raw.max() > 1e-3)


def centres(height: int, width: int) -> np.ndarray:
    """(x, y) of every cell, row by row."""
    return np.array([((2 * j + 1) / width - 1, (2 * i + 1) / height - 1) for i in range(height) for j in range(width)])


@pytest.mark.slow
@settings(max_examples=40)
@given(MAPS, MAPS)
def test_against_scipys_linear_programme(a: np.ndarray, b: np.ndarray) -> None:
    p, q = distribution(a), distribution(b)
    place = centres(*p.shape)
    expected = scipy.stats.wasserstein_distance_nd(place, place, p.ravel(), q.ravel())
    assert wasserstein(p, q) == pytest.approx(expected, abs=1e-6)  # the programme meets its constraints to 1e-7


@given(MAPS, MAPS)
def test_one_row_against_scipys_closed_form(a: np.ndarray, b: np.ndarray) -> None:
    p, q = distribution(a.reshape(1, 12)), distribution(b.reshape(1, 12))
    x = centres(1, 12)[:, 0]
    expected = scipy.stats.wasserstein_distance(x, x, p.ravel(), q.ravel())
    assert wasserstein(p, q) == pytest.approx(expected, abs=1e-9)
    assert wasserstein(p.reshape(12, 1), q.reshape(12, 1)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@given(MAPS, MAPS, MAPS)
def test_it_is_a_metric(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    p, q, r = distribution(np.stack([a, b, c]))
    assert wasserstein(p, p) == 0
    assert wasserstein(p, q) == pytest.approx(float(wasserstein(q, p)), abs=1e-9)
    assert wasserstein(p, r) <= wasserstein(p, q) + wasserstein(q, r) + 1e-9
    assert 0 <= wasserstein(p, q) <= 2 * math.hypot(2 / 3, 3 / 4) + 1e-9
    for flip in (np.s_[::-1], np.s_[:, ::-1]):
        assert wasserstein(p[flip], q[flip]) == pytest.approx(float(wasserstein(p, q)), abs=1e-9)


@pytest.mark.parametrize(("down", "right"), [(0, 1), (2, 0), (3, 4), (1, 1)])
def test_a_shift_costs_its_length(down: int, right: int) -> None:
    """It tells a near miss from a far one, which overlap-based distances cannot."""
    p = np.zeros((8, 8))
    p[:3, :2] = np.random.default_rng(0).dirichlet(np.ones(6)).reshape(3, 2)
    moved = np.roll(p, (down, right), (0, 1))
    assert wasserstein(p, moved) == pytest.approx(math.hypot(down / 4, right / 4))


def test_big_sparse_and_nearly_equal_maps_against_the_whole_problem() -> None:
    """Taking out what both maps have in common changes nothing: POT on the whole grids gives the same."""
    import ot  # noqa: PLC0415 - slow to import; `wasserstein` has loaded it by now

    rng = np.random.default_rng(0)
    p = distribution(rng.normal(size=(20, 8, 8)))
    for q in (distribution(rng.normal(size=(20, 8, 8))), distribution(p + 1e-6 * rng.random((20, 8, 8))), p[::-1]):
        place = centres(8, 8)
        expected = [
            ot.emd2(a.ravel(), b.ravel(), ot.dist(place, place, "euclidean")) for a, b in zip(p, q, strict=True)
        ]
        assert wasserstein(p, q).tolist() == pytest.approx(expected, abs=1e-12)


def test_batches_broadcast_and_undefined_maps_stay_alone() -> None:
    rng = np.random.default_rng(0)
    p = distribution(rng.normal(size=(2, 3, 4, 4)))
    q = distribution(rng.normal(size=(3, 4, 4)))
    values = wasserstein(p, q)
    assert values.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        assert values[i, j] == wasserstein(p[i, j], q[j])
    p[0, 1] = np.nan
    assert np.isnan(wasserstein(p, q)).tolist() == [[False, True, False], [False, False, False]]
    assert wasserstein(p[0, :0], q[:0]).shape == (0,)


@pytest.mark.parametrize("wrong", [np.full((2, 2), 1.0), np.array([[1.5, -0.5], [0.0, 0.0]]), np.zeros((2, 2))])
def test_a_raw_map_is_refused(wrong: np.ndarray) -> None:
    right = np.full((2, 2), 0.25)
    for pair in ((wrong, right), (right, wrong)):
        with pytest.raises(UsageError, match=r"wasserstein needs distributions .* distribution\(raw\)"):
            wasserstein(*pair)


@pytest.mark.slow
def test_pot_loads_without_torch_and_leaves_the_environment() -> None:
    program = (
        "import os, sys, warnings; warnings.simplefilter('error'); import numpy as np; from gazeshift.measures import wasserstein;"
        "before = dict(os.environ); p = np.array([[1.0, 0.0]]); assert wasserstein(p, p[:, ::-1]) == 1.0;"
        "assert dict(os.environ) == before; assert 'ot' in sys.modules; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
