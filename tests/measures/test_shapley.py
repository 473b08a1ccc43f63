"""MM-SHAP: against the definition over all orders, and captum."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeshift.errors import UsageError
from gazeshift.measures import mm_shap, two_player_shapley


def game(seed: int, players: int):
    """A score of coalitions with interactions of every size."""
    table = np.random.default_rng(seed).normal(size=2**players)
    return lambda present: table[present @ (1 << np.arange(players))]


def by_definition(value, players: int) -> np.ndarray:
    """Mean of what each player adds, over all orders."""
    shares = np.zeros(players)
    for order in permutations(range(players)):
        present = np.zeros((1, players), dtype=bool)
        before = value(present)[0]
        for player in order:
            present[0, player] = True
            after = value(present)[0]
            shares[player] += after - before
            before = after
    return shares / math.factorial(players)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(1, 2))
def test_exact_against_the_definition(seed: int, image: int, text: int) -> None:
    value = game(seed, image + text)
    result = mm_shap(value, image, text, samples=100, rng=np.random.default_rng(0))
    expected = by_definition(value, image + text)
    assert result.exact
    assert result.evaluations == 2 ** (image + text)
    np.testing.assert_allclose(np.concatenate([result.image, result.text]), expected, atol=1e-9)
    assert (len(result.image), len(result.text)) == (image, text)
    assert result.t_shap == pytest.approx(np.abs(expected[image:]).sum() / np.abs(expected).sum())


@pytest.mark.slow
def test_exact_against_captum() -> None:
    value = game(3, 6)
    result = mm_shap(value, 4, 2, samples=1000, rng=np.random.default_rng(0))

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(value(inputs.numpy() > 0.5))

    expected = ShapleyValues(forward).attribute(torch.ones(1, 6, dtype=torch.float64)).numpy()[0]
    np.testing.assert_allclose(
        np.concatenate([result.image, result.text]), expected, atol=1e-5
    )  # theirs is in single precision


def test_two_players_are_the_two_player_formula() -> None:
    value = game(5, 2)
    y_0, y_v, y_t, y_tv = (np.asarray(y) for y in value(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=bool)))
    result, parts = (
        mm_shap(value, 1, 1, samples=2, rng=np.random.default_rng(0)),
        two_player_shapley(y_tv, y_t, y_v, y_0),
    )
    assert result.text[0] == pytest.approx(float(parts.text))
    assert result.image[0] == pytest.approx(float(parts.image))


@pytest.mark.parametrize("samples", [1, 2, 7, 50])
def test_sampled_values_add_up_and_are_exact_for_additive_scores(samples: int) -> None:
    weights = np.random.default_rng(0).normal(size=24)
    result = mm_shap(lambda present: 5 + present @ weights, 16, 8, samples, np.random.default_rng(1))
    assert not result.exact
    np.testing.assert_allclose(result.image, weights[:16], atol=1e-9)
    np.testing.assert_allclose(result.text, weights[16:], atol=1e-9)
    assert result.t_shap == pytest.approx(np.abs(weights[16:]).sum() / np.abs(weights).sum())
    value = game(1, 12)
    rough = mm_shap(value, 9, 3, samples, np.random.default_rng(1))
    everyone, none = value(np.ones((1, 12), dtype=bool))[0], value(np.zeros((1, 12), dtype=bool))[0]
    assert rough.image.sum() + rough.text.sum() == pytest.approx(everyone - none)


def test_sampling_pairwise_interactions_is_exact_and_others_converge() -> None:
    """Forwards and backwards together leave no noise from interactions of two."""
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=(14, 14))
    weights = rng.normal(size=14)

    def quadratic(present: np.ndarray) -> np.ndarray:
        return present @ weights + np.einsum("mi,ij,mj->m", present.astype(float), pairs, present.astype(float))

    sampled = mm_shap(quadratic, 10, 4, samples=2, rng=rng)
    expected = weights + np.diag(pairs) + (pairs + pairs.T - 2 * np.diag(np.diag(pairs))).sum(1) / 2
    assert not sampled.exact
    np.testing.assert_allclose(np.concatenate([sampled.image, sampled.text]), expected, atol=1e-9)
    value = game(2, 12)
    exact = mm_shap(value, 8, 4, samples=10**4, rng=rng)
    several = [mm_shap(value, 8, 4, samples=370, rng=rng) for _ in range(20)]
    assert exact.exact
    assert not several[0].exact
    error = np.mean([each.image for each in several], axis=0) - exact.image
    assert error.std() < 0.3 * exact.image.std(), "the mean of twenty has a fifth of the noise of one"


def test_the_caller_is_asked_what_is_reported_and_never_for_too_much() -> None:
    asked = []

    def value(present: np.ndarray) -> np.ndarray:
        asked.append(len(present))
        return present.sum(1).astype(float)

    for samples, image, text in ((301, 36, 12), (10**5, 14, 2)):
        asked.clear()
        result = mm_shap(value, image, text, samples, np.random.default_rng(0))
        assert sum(asked) == result.evaluations
        assert max(asked) <= 4096
        assert result.exact == (image + text == 16)


def test_the_same_seed_gives_the_same_and_nothing_gives_nan() -> None:
    value = game(1, 12)
    first, second = (mm_shap(value, 9, 3, 10, np.random.default_rng(4)) for _ in range(2))
    assert first.t_shap == second.t_shap
    flat = mm_shap(lambda present: np.ones(len(present)), 3, 2, 10, np.random.default_rng(0))
    assert np.isnan(flat.t_shap)


def test_wrong_use_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="needs players"):
        mm_shap(game(0, 1), 0, 0, 10, rng)
    with pytest.raises(UsageError, match="at least 1 random order"):
        mm_shap(game(0, 2), 1, 1, 0, rng)
    with pytest.raises(UsageError, match="value must give one number for each of the 4 items"):
        mm_shap(lambda present: present.astype(float), 1, 1, 10, rng)
