"""The same numbers as pysaliency and Quantus, where they have the measure. Both are for comparison only; neither is needed otherwise."""

import importlib
import warnings
from types import ModuleType

import numpy as np
import pytest

from gazeshift.measures import (
    centre_prior,
    concentration,
    distribution,
    gini,
    likelihood_ratio,
    mask_mass,
    noisy_linear_imputation,
    pearson,
    pointing_game,
    rank_accuracy,
)

RAW = np.random.default_rng(0).normal(size=(6, 8, 8))
MASKS = np.random.default_rng(1).random((6, 8, 8)) < 0.3


def peer(name: str) -> ModuleType:
    """Import a peer, or skip and say why. Their own warnings at import are not ours to fail on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError as error:
            pytest.skip(f"{name} cannot be imported ({error}); the dependency group `independent` brings it")


@pytest.fixture(scope="module")
def quantus() -> ModuleType:
    return peer("quantus")


@pytest.fixture(scope="module")
def pysaliency() -> ModuleType:
    return peer("pysaliency")


def measured(metric, maps: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """What a Quantus metric gives for maps and masks of one channel; it looks at neither model nor image."""
    images = np.zeros((len(maps), 1, *maps.shape[1:]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = metric(
            model=None,
            x_batch=images,
            y_batch=np.zeros(len(maps), dtype=int),
            a_batch=maps[:, None].copy(),
            s_batch=None if masks is None else masks[:, None].copy(),
            channel_first=True,
        )
    return np.asarray(values, dtype=np.float64).ravel()


def test_gini_is_quantus_sparseness(quantus: ModuleType) -> None:
    p = distribution(RAW)
    # Quantus adds 1e-7 to every cell.
    metric = quantus.Sparseness(abs=True, normalise=False, disable_warnings=True)
    np.testing.assert_allclose(gini(p), measured(metric, p), atol=1e-5)


def test_rank_accuracy_is_quantus_relevance_rank_accuracy(quantus: ModuleType) -> None:
    metric = quantus.RelevanceRankAccuracy(abs=False, normalise=False, disable_warnings=True)
    expected = measured(metric, RAW, MASKS)
    assert len(set(expected.tolist())) > 3
    np.testing.assert_allclose(rank_accuracy(RAW, MASKS.astype(np.float64)), expected, atol=1e-12)


def test_mask_mass_is_quantus_relevance_mass_accuracy(quantus: ModuleType) -> None:
    p = distribution(RAW)
    metric = quantus.RelevanceMassAccuracy(abs=False, normalise=False, disable_warnings=True)
    np.testing.assert_allclose(mask_mass(p, MASKS.astype(np.float64)), measured(metric, p, MASKS), atol=1e-12)


def test_pointing_game_is_quantus_pointing_game(quantus: ModuleType) -> None:
    rng = np.random.default_rng(2)
    raw, masks = rng.normal(size=(40, 8, 8)), rng.random((40, 8, 8)) < 0.5
    metric = quantus.PointingGame(abs=False, normalise=False, disable_warnings=True)
    expected = measured(metric, distribution(raw), masks)
    assert 5 < expected.sum() < 35
    assert pointing_game(distribution(raw), masks.astype(np.float64)).tolist() == expected.tolist()


def test_imputation_is_quantus_imputation(quantus: ModuleType) -> None:
    image, keep = np.random.default_rng(3).normal(size=(3, 8, 8)), MASKS[0]
    from quantus.functions.perturb_func import noisy_linear_imputation as theirs  # noqa: PLC0415 - a peer, present or not

    expected = theirs(arr=image, indices=np.flatnonzero(~keep), noise=0.0)
    np.testing.assert_allclose(noisy_linear_imputation(image, keep, np.random.default_rng(0), 0.0), expected, atol=1e-9)


def test_pearson_is_pysaliencys_cc(pysaliency: ModuleType) -> None:
    expected = [pysaliency.metrics.CC(a, b) for a, b in zip(RAW[:3], RAW[3:], strict=True)]
    np.testing.assert_allclose(pearson(RAW[:3], RAW[3:]), expected, atol=1e-12)


def test_concentration_is_pysaliencys_divergence_from_uniform(pysaliency: ModuleType) -> None:
    p = distribution(RAW + 10)
    uniform = np.full((8, 8), -np.log(64))
    nats = [pysaliency.metrics.probabilistic_image_based_kl_divergence(uniform, np.log(cells)) for cells in p]
    np.testing.assert_allclose(concentration(p), np.array(nats) / np.log(2), atol=1e-12)


def test_likelihood_ratio_is_pysaliencys_information_gain(pysaliency: ModuleType) -> None:
    """Mean information gain over uniform of a prior, for fixations: the likelihood ratio of the map of those fixations."""

    class Prior(pysaliency.Model):
        def _log_density(self, stimulus: np.ndarray) -> np.ndarray:
            return np.log(centre_prior(*stimulus.shape[:2], sigma=0.4))

    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 8, (2, 50))
    fixations = pysaliency.Fixations.create_without_history(x=x, y=y, n=np.zeros(50, dtype=int))
    gain = Prior().information_gain(pysaliency.Stimuli([np.zeros((8, 8, 3))]), fixations, pysaliency.UniformModel())
    counts = np.zeros((8, 8))
    np.add.at(counts, (y, x), 1)
    assert likelihood_ratio(counts / 50, centre_prior(8, 8, sigma=0.4)) == pytest.approx(float(gain), abs=1e-9)
