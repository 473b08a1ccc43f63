"""Priors over cells, and how well a map agrees with one."""

import math
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gazeshift.errors import UsageError
from gazeshift.measures import centre_bias, centre_prior, concentration, distribution, likelihood_ratio, mask_prior

POSITIVE = arrays(np.float64, (3, 4), elements=st.floats(0.01, 10))


@pytest.mark.parametrize(("height", "width", "sigma"), [(8, 8, 0.5), (3, 5, 0.2), (1, 4, 2.0)])
def test_centre_prior_is_scipys_gaussian(height: int, width: int, sigma: float) -> None:
    density = np.empty((height, width))
    for i, j in product(range(height), range(width)):
        place = [(2 * j + 1) / width - 1, (2 * i + 1) / height - 1]
        density[i, j] = scipy.stats.multivariate_normal.pdf(place, cov=sigma**2 * np.eye(2))
    np.testing.assert_allclose(centre_prior(height, width, sigma), density / density.sum(), rtol=1e-9)


def test_a_narrow_prior_sits_in_the_middle_and_a_wide_one_is_uniform() -> None:
    narrow = centre_prior(4, 4, 1e-9)
    assert narrow[1:3, 1:3].tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert centre_prior(5, 5, 1e-200)[2, 2] == 1
    np.testing.assert_allclose(centre_prior(4, 4, 1e9), 1 / 16)
    biases = [float(centre_bias(centre_prior(8, 8, sigma))) for sigma in (0.2, 0.5, 1.0, 5.0)]
    assert biases == sorted(biases, reverse=True)


def test_mask_prior_is_the_mean_mask() -> None:
    masks = np.random.default_rng(0).random((5, 2, 3, 4))
    expected = sum(mask for row in masks for mask in row)
    np.testing.assert_allclose(mask_prior(masks), expected / expected.sum())
    mixed = mask_prior(masks, uniform=0.25)
    np.testing.assert_allclose(mixed, 0.75 * mask_prior(masks) + 0.25 / 12)
    assert np.isnan(mask_prior(np.zeros((2, 3, 4)))).all()


@given(POSITIVE, POSITIVE)
def test_likelihood_ratio_against_scipys_relative_entropies(a: np.ndarray, b: np.ndarray) -> None:
    """sum p log2(q / u) = KL(p || u) - KL(p || q)."""
    p, prior = distribution(a), distribution(b)
    expected = concentration(p) - scipy.stats.entropy(p.ravel(), prior.ravel(), base=2)
    assert likelihood_ratio(p, prior) == pytest.approx(float(expected), abs=1e-9)
    assert likelihood_ratio(p, np.full(p.shape, 1 / p.size)) == pytest.approx(0, abs=1e-12)
    assert likelihood_ratio(p, prior) <= likelihood_ratio(p, p) + 1e-12, "a map is its own best prior"


def test_mass_where_the_prior_has_none() -> None:
    prior = np.array([[1.0, 0.0]])
    maps = np.array([[[1.0, 0.0]], [[0.5, 0.5]], [[np.nan, np.nan]]])
    values = likelihood_ratio(maps, prior)
    assert values[0] == 1
    assert values[1] == -math.inf
    assert np.isnan(values[2])
    assert np.isnan(likelihood_ratio(maps, np.full((1, 2), np.nan))).all()
    assert np.isfinite(likelihood_ratio(maps[1], mask_prior(prior, uniform=0.01)))


def test_wrong_parameters_are_refused() -> None:
    for sigma in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="sigma must be above 0"):
            centre_prior(2, 2, sigma)
    for uniform in (-0.1, 1.1):
        with pytest.raises(UsageError, match="between 0 and 1"):
            mask_prior(np.ones((1, 2, 2)), uniform)
