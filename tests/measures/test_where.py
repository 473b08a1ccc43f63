"""Where a map looks: against slow loops, other libraries, and what must not change a measure."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gazeshift.measures import (
    amplitude,
    centre_bias,
    centre_bias_parts,
    centroid,
    coverage,
    distribution,
    entropy,
    mask_lift,
    mask_mass,
    mask_to_grid,
    undefined,
)

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-6)
MAPS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6), elements=VALUES).filter(
    lambda raw: raw.max() > 0
)


@given(MAPS)
def test_distribution_against_loops(raw: np.ndarray) -> None:
    positive = [[max(float(value), 0.0) for value in row] for row in raw]
    total = math.fsum(value for row in positive for value in row)
    expected = [[value / total for value in row] for row in positive]
    np.testing.assert_allclose(distribution(raw), expected, rtol=1e-12, atol=1e-300)


@given(MAPS)
def test_entropy_and_coverage_against_scipy(raw: np.ndarray) -> None:
    p = distribution(raw)
    expected = scipy.stats.entropy(p.ravel(), base=2)
    assert entropy(p) == pytest.approx(expected, abs=1e-12)
    assert coverage(p) == pytest.approx(2**expected / p.size)
    assert 1 / p.size * (1 - 1e-12) <= coverage(p) <= 1 + 1e-12


@given(MAPS)
def test_centre_bias_and_centroid_against_loops(raw: np.ndarray) -> None:
    p = distribution(raw)
    height, width = p.shape
    second = uniform = mu_x = mu_y = 0.0
    for i, j in product(range(height), range(width)):
        x, y = -1 + (j + 0.5) * 2 / width, -1 + (i + 0.5) * 2 / height
        second += p[i, j] * (x * x + y * y)
        uniform += (x * x + y * y) / (height * width)
        mu_x += p[i, j] * x
        mu_y += p[i, j] * y
    assert centre_bias(p) == pytest.approx(1 - second / uniform, abs=1e-12)
    assert centroid(p) == pytest.approx([mu_x, mu_y], abs=1e-12)
    # R2 = |mu|^2 + tr Sigma, the two parts of the docstring
    spread = sum(
        p[i, j] * (((j + 0.5) * 2 / width - 1 - mu_x) ** 2 + ((i + 0.5) * 2 / height - 1 - mu_y) ** 2)
        for i, j in product(range(height), range(width))
    )
    assert second == pytest.approx(mu_x**2 + mu_y**2 + spread, abs=1e-12)
    parts = centre_bias_parts(p)
    assert parts.offset == pytest.approx((mu_x**2 + mu_y**2) / uniform, abs=1e-12)
    assert parts.spread == pytest.approx(spread / uniform, abs=1e-12)
    assert 1 - parts.offset - parts.spread == pytest.approx(float(centre_bias(p)), abs=1e-12)
    assert parts.spread >= 0


@given(MAPS)
def test_flips_and_turns(raw: np.ndarray) -> None:
    p = distribution(raw)
    for measure in (centre_bias, coverage, entropy):
        value = measure(p)
        for other in (p[::-1], p[:, ::-1], p.T):
            assert measure(other) == pytest.approx(value, abs=1e-9)
    x, y = centroid(p)
    assert centroid(p[:, ::-1]) == pytest.approx([-x, y], abs=1e-12)
    assert centroid(p[::-1]) == pytest.approx([x, -y], abs=1e-12)
    assert centroid(p.T) == pytest.approx([y, x], abs=1e-12)


@given(MAPS, st.sampled_from([1e-30, 1e-12, 3.0, 1e10, 1e30]))
def test_scale(raw: np.ndarray, scale: float) -> None:
    np.testing.assert_allclose(distribution(raw * scale), distribution(raw), rtol=1e-9, atol=1e-15)
    assert amplitude(raw * scale) == pytest.approx(float(amplitude(raw)) + math.log(scale), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_huge_and_tiny_single_precision_maps(scale: float) -> None:
    raw = (np.array([[1.0, 2.0], [-4.0, 5.0]]) * scale).astype(np.float32)
    np.testing.assert_allclose(distribution(raw), [[0.125, 0.25], [0, 0.625]], rtol=1e-6)
    assert amplitude(raw) == pytest.approx(math.log(8) + math.log(scale), rel=1e-6)
    assert not undefined(raw)


def test_known_maps() -> None:
    uniform = np.full((4, 4), 1 / 16)
    assert centre_bias(uniform) == pytest.approx(0)
    assert coverage(uniform) == pytest.approx(1)
    two_corners = np.zeros((4, 4))
    two_corners[0, 0] = two_corners[3, 3] = 0.5
    assert centroid(two_corners) == pytest.approx([0, 0]), "the centroid alone would call this central"
    assert centre_bias(two_corners) == pytest.approx(1 - (2 * 0.75**2) / (2 * (0.75**2 + 0.25**2) / 2))
    middle = np.zeros((4, 4))
    middle[1:3, 1:3] = 0.25
    assert centre_bias(middle) == pytest.approx(1 - 0.125 / 0.625)


def test_undefined_maps_are_nan_everywhere_and_alone() -> None:
    raw = np.stack([np.eye(3), -np.eye(3), np.zeros((3, 3)), np.full((3, 3), np.nan), np.full((3, 3), 1.0)])
    raw = np.concatenate([raw, raw[-1:], raw[-1:]])
    raw[5, 0, 0], raw[6, 1, 1] = np.inf, np.nan
    lost = [False, True, True, True, False, True, True]
    assert undefined(raw).tolist() == lost
    p = distribution(raw)
    mask = np.ones((3, 3))
    for values in (centre_bias(p), entropy(p), coverage(p), amplitude(raw), mask_mass(p, mask), mask_lift(p, mask)):
        assert np.isnan(values).tolist() == lost
    assert np.isnan(centroid(p)).any(-1).tolist() == lost
    parts = centre_bias_parts(p)
    assert np.isnan(parts.offset).tolist() == np.isnan(parts.spread).tolist() == lost
    np.testing.assert_allclose(p[0], np.eye(3) / 3)


def test_a_grid_of_one_cell_has_no_centre_bias() -> None:
    one = np.ones((1, 1))
    parts = centre_bias_parts(one)
    assert np.isnan([centre_bias(one), parts.offset, parts.spread]).all()


@given(st.integers(0, 3), st.integers(1, 3))
def test_batches_are_maps_one_by_one(leading: int, other: int) -> None:
    raw = np.random.default_rng(0).normal(size=(leading, other, 3, 4))
    p = distribution(raw)
    for measure in (centre_bias, coverage, entropy):
        values = measure(p)
        assert values.shape == (leading, other)
        for index in np.ndindex(leading, other):
            assert values[index] == pytest.approx(float(measure(p[index])))


MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))


@settings(max_examples=40)
@given(MASKS, st.integers(1, 5), st.integers(1, 5))
def test_mask_to_grid_against_rational_integration(mask: np.ndarray, height: int, width: int) -> None:
    """The share of each cell that the mask's pixels cover, integrated with fractions: no rounding at all."""
    H, W = mask.shape
    expected = np.zeros((height, width))
    for i, j in product(range(height), range(width)):
        top, bottom = Fraction(i * H, height), Fraction((i + 1) * H, height)
        left, right = Fraction(j * W, width), Fraction((j + 1) * W, width)
        covered = Fraction(0)
        for y, x in zip(*np.nonzero(mask), strict=True):
            tall = max(Fraction(0), min(bottom, int(y) + 1) - max(top, int(y)))
            wide = max(Fraction(0), min(right, int(x) + 1) - max(left, int(x)))
            covered += tall * wide
        expected[i, j] = float(covered / ((bottom - top) * (right - left)))
    np.testing.assert_allclose(mask_to_grid(mask, height, width), expected, rtol=0, atol=1e-12)


def test_mask_to_grid_is_block_means_where_cells_divide_pixels() -> None:
    mask = np.random.default_rng(0).random((3, 12, 18)) > 0.5
    grid = mask_to_grid(mask, 4, 6)
    np.testing.assert_allclose(grid, mask.reshape(3, 4, 3, 6, 3).mean((2, 4)), atol=1e-12)
    assert np.array_equal(mask_to_grid(mask, 12, 18), mask)


@given(MAPS)
def test_mask_mass_and_lift(raw: np.ndarray) -> None:
    p = distribution(raw)
    mask = np.random.default_rng(0).random(p.shape)
    assert mask_mass(p, mask) == pytest.approx(sum(float(a) * float(b) for a, b in zip(p.flat, mask.flat, strict=True)))
    assert mask_mass(p, mask) + mask_mass(p, 1 - mask) == pytest.approx(1)
    assert mask_lift(np.full(p.shape, 1 / p.size), mask) == pytest.approx(1)
    assert mask_lift(p, mask) == pytest.approx(float(mask_mass(p, mask)) / mask.mean())
    assert np.isnan(mask_lift(p, np.zeros(p.shape)))
