"""Noisy linear imputation: against pytorch-grad-cam's copy of the authors' code, and what it must restore."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch_grad_cam.metrics.road import NoisyLinearImputer, neighbors_weights
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import spsolve

from gazeshift.measures import keep_pixels, noisy_linear_imputation


@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_against_the_authors_code(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    image, keep = rng.normal(size=(3, 6, 7)), rng.random((6, 7)) < share
    if keep.all() or not keep.any() or (~keep).sum() < 2:
        return
    # The rest of their call does not run with NumPy 2.
    matrix, right_side = NoisyLinearImputer.setup_sparse_system(keep.astype(np.float64), image, neighbors_weights)
    filled = noisy_linear_imputation(image, keep, rng, noise=0.0)
    np.testing.assert_allclose(filled[:, ~keep], spsolve(csc_matrix(matrix), right_side).T, atol=1e-9)
    assert np.array_equal(filled[:, keep], image[:, keep])


def test_a_ramp_is_restored_and_the_image_is_left_alone() -> None:
    y, x = np.mgrid[:12, :12]
    image = np.stack([2.0 * x - y, 0.5 * y + 1])
    keep = np.ones((12, 12), dtype=bool)
    keep[3:9, 2:10] = False
    before = image.copy()
    np.testing.assert_allclose(
        noisy_linear_imputation(image, keep, np.random.default_rng(0), noise=0.0), image, atol=1e-9
    )
    noisy = noisy_linear_imputation(image, keep, np.random.default_rng(0), noise=0.1)
    assert np.std((noisy - image)[:, ~keep]) == pytest.approx(0.1, rel=0.2)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_pixel_all_pixels_and_no_pixel(channels: int) -> None:
    image = np.random.default_rng(0).random((channels, 3, 4))
    keep = np.ones((3, 4), dtype=bool)
    assert np.array_equal(noisy_linear_imputation(image, keep, np.random.default_rng(0)), image)
    keep[0, 0] = False
    corner = noisy_linear_imputation(image, keep, np.random.default_rng(0), noise=0.0)
    expected = (image[:, 0, 1] / 6 + image[:, 1, 0] / 6 + image[:, 1, 1] / 12) / (5 / 12)
    np.testing.assert_allclose(corner[:, 0, 0], expected)
    nothing = noisy_linear_imputation(image, np.zeros((3, 4), dtype=bool), np.random.default_rng(0), noise=0.0)
    np.testing.assert_allclose(nothing, np.broadcast_to(image.mean((1, 2))[:, None, None], image.shape))


def test_keep_pixels_by_the_centre_of_the_pixel() -> None:
    keep = (np.random.default_rng(0).random((2, 3, 4)) > 0.5).astype(np.float64)
    assert np.array_equal(keep_pixels(keep, 6, 8), np.kron(keep, np.ones((1, 2, 2))).astype(bool))
    odd = keep_pixels(keep, 7, 5)
    for i, j in np.ndindex(7, 5):
        assert np.array_equal(odd[:, i, j], keep[:, int((i + 0.5) / 7 * 3), int((j + 0.5) / 5 * 4)] > 0.5)
