"""How wide a map is: against scipy and definitions written out."""

from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gazeshift.errors import UsageError
from gazeshift.measures import concentration, distribution, entropy, gini, share_holding

VALUES = st.floats(-100, 100, allow_subnormal=False, width=32)
MAPS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=3), elements=VALUES).filter(
    lambda raw: raw.max() > 1e-3
)


@given(MAPS)
def test_concentration_against_scipys_relative_entropy(raw: np.ndarray) -> None:
    p = distribution(raw)
    expected = scipy.stats.entropy(p.ravel(), np.full(p.size, 1 / p.size), base=2)
    assert concentration(p) == pytest.approx(expected, abs=1e-12)
    assert 0 <= concentration(p) <= np.log2(p.size) + 1e-12
    assert concentration(p) + entropy(p) == pytest.approx(np.log2(p.size), abs=1e-12)


@given(MAPS)
def test_gini_is_half_the_relative_mean_difference(raw: np.ndarray) -> None:
    p = distribution(raw)
    cells = [float(value) for value in p.flat]
    expected = sum(abs(a - b) for a in cells for b in cells) / (2 * len(cells) * sum(cells))
    assert gini(p) == pytest.approx(expected, abs=1e-12)


@given(MAPS, st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_share_holding_is_the_smallest_set_of_cells(raw: np.ndarray, mass: float) -> None:
    p = distribution(raw)
    smallest = next(
        size
        for size in range(1, p.size + 1)
        if max(sum(cells) for cells in combinations(p.ravel().tolist(), size)) >= mass - 1e-12
    )
    assert share_holding(p, mass) == smallest / p.size


@given(MAPS)
def test_where_the_cells_lie_does_not_matter(raw: np.ndarray) -> None:
    p = distribution(raw)
    shuffled = np.random.default_rng(0).permutation(p.ravel()).reshape(p.shape)
    for measure in (concentration, gini, share_holding):
        assert measure(shuffled) == pytest.approx(float(measure(p)), abs=1e-12)


@pytest.mark.parametrize("cells", [1, 2, 9, 10, 64])
def test_extremes(cells: int) -> None:
    uniform, single = np.full((1, cells), 1 / cells), np.eye(1, cells)
    assert (concentration(uniform), concentration(single)) == (
        pytest.approx(0, abs=1e-12),
        pytest.approx(np.log2(cells)),
    )
    assert (gini(uniform), gini(single)) == (pytest.approx(0, abs=1e-12), pytest.approx(1 - 1 / cells))
    assert share_holding(uniform) == np.ceil(np.round(0.8 * cells, 9)) / cells
    assert (share_holding(uniform, 1.0), share_holding(single)) == (1, 1 / cells)


def test_one_bright_cell_does_not_make_the_rest_vanish() -> None:
    """The area over half of the maximum would be one cell of 64 here."""
    p = np.full((8, 8), 0.9 / 63)
    p[0, 0] = 0.1
    assert share_holding(p) == 50 / 64


@pytest.mark.parametrize("measure", [concentration, gini, share_holding])
def test_batches_and_undefined_maps(measure) -> None:
    p = distribution(np.random.default_rng(0).normal(size=(2, 3, 4, 5)))
    p[1, 2] = np.nan
    values = measure(p)
    assert values.dtype == np.float64
    assert np.isnan(values).tolist() == [[False] * 3, [False, False, True]]
    assert values[0, 1] == pytest.approx(float(measure(p[0, 1])))


@pytest.mark.parametrize("mass", [0.0, -1.0, 1.01, float("nan")])
def test_a_mass_out_of_range_is_refused(mass: float) -> None:
    with pytest.raises(UsageError, match="mass must be above 0"):
        share_holding(np.full((2, 2), 0.25), mass)
