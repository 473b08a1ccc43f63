"""How much each modality matters: against least squares and definitions written out."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.errors import UsageError
from gazeshift.measures import conditional_utilisation, crossed_accuracy, perceptual_score, two_player_shapley
from gazeshift.measures.modality import emap


def logits_of(seed: int, images: int, texts: int) -> tuple[np.ndarray, np.ndarray]:
    """Additive logits, and the same with an interaction."""
    rng = np.random.default_rng(seed)
    additive = rng.normal(size=(images, 1, 3)) + rng.normal(size=(1, texts, 3))
    return additive, additive + rng.normal(size=(images, texts, 3))


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 5))
def test_emap_is_the_least_squares_fit_of_an_additive_model(seed: int, images: int, texts: int) -> None:
    _, logits = logits_of(seed, images, texts)
    design = np.concatenate([np.repeat(np.eye(images), texts, 0), np.tile(np.eye(texts), (images, 1))], axis=1)
    flat = logits.reshape(-1, 3)
    expected = design @ np.linalg.lstsq(design, flat, rcond=None)[0]
    np.testing.assert_allclose(emap(logits).reshape(-1, 3), expected, atol=1e-9)
    np.testing.assert_allclose(emap(emap(logits)), emap(logits), atol=1e-12)


@given(st.integers(0, 10**6))
def test_additive_logits_have_no_interaction(seed: int) -> None:
    additive, _ = logits_of(seed, 4, 4)
    np.testing.assert_allclose(emap(additive), additive, atol=1e-12)
    # Whole numbers add without rounding, and then the interaction is 0 to the bit.
    image, text, offset = np.random.default_rng(seed).integers(-1000, 1000, (3, 7)).astype(np.float64)
    parts = two_player_shapley(image + text + offset, text + offset, image + offset, offset)
    assert parts.interaction.tolist() == [0.0] * 7
    assert (parts.text.tolist(), parts.image.tolist()) == (text.tolist(), image.tolist())


def test_crossed_accuracy_of_own_pairs() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 30)
    additive, logits = logits_of(1, 30, 30)
    accuracy = crossed_accuracy(logits, labels)
    projected = emap(logits)
    for name, values in (("right", logits), ("additive", projected)):
        right = [int(values[i, i].argmax()) == labels[i] for i in range(30)]
        assert getattr(accuracy, name).tolist() == right
    plain = crossed_accuracy(additive, labels)
    assert plain.right.tolist() == plain.additive.tolist()
    # Exclusive or: nothing but interaction; its projection knows nothing.
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    exclusive = np.multiply.outer(np.outer(signs, signs), [1.0, -1.0])
    assert crossed_accuracy(exclusive, np.zeros(4, dtype=int)).right.mean() == 1
    np.testing.assert_allclose(emap(exclusive), 0, atol=1e-12)


@pytest.mark.parametrize("logits", [np.full((2, 2, 3), np.nan), np.empty((0, 0, 3)), np.full((1, 1, 2), np.inf)])
def test_crossed_accuracy_needs_finite_logits(logits: np.ndarray) -> None:
    with pytest.raises(UsageError, match="finite logits"):
        crossed_accuracy(logits, np.zeros(len(logits), dtype=int))


def test_exchanged_modalities_are_the_mean_over_every_permutation() -> None:
    _, logits = logits_of(2, 4, 4)
    labels, own = np.array([0, 1, 2, 1]), np.arange(4)
    found = crossed_accuracy(logits, labels)
    for lost, answers in (
        (found.perceptual_text, [logits[own, order].argmax(1) for order in map(list, permutations(own))]),
        (found.perceptual_image, [logits[order, own].argmax(1) for order in map(list, permutations(own))]),
    ):
        right = np.array([(answer == labels).mean() for answer in answers])
        assert lost.mean() == pytest.approx(perceptual_score(float(found.right.mean()), right).score)


def test_perceptual_score() -> None:
    permuted = np.array([0.5, 0.6, 0.55])
    score = perceptual_score(0.8, permuted)
    assert score.score == pytest.approx(0.25)
    assert score.normalised == pytest.approx(0.25 / 0.8)
    assert score.deviation == pytest.approx(0.05)
    assert score.permutations == 3
    once = perceptual_score(0.7, np.array([0.7]))
    assert (once.score, once.normalised, once.permutations) == (0, 0, 1)
    assert np.isnan(once.deviation)
    assert perceptual_score(0.5, np.array([0.6])).score == pytest.approx(-0.1), "the modality may harm"
    assert np.isnan(perceptual_score(0.0, np.array([0.1])).normalised)
    with pytest.raises(UsageError, match="at least one permutation"):
        perceptual_score(0.5, np.array([]))


def test_perceptual_score_of_a_model_that_reads_one_modality() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 4000)
    text, image = labels, rng.integers(0, 4, 4000)  # the text says it all, and the model reads it alone

    def accuracy(text: np.ndarray, image: np.ndarray) -> float:
        logits = np.eye(4)[text] + 0 * np.eye(4)[image]
        return float((logits.argmax(1) == labels).mean())

    whole = accuracy(text, image)
    of_text = perceptual_score(whole, np.array([accuracy(rng.permutation(text), image) for _ in range(5)]))
    of_image = perceptual_score(whole, np.array([accuracy(text, rng.permutation(image)) for _ in range(5)]))
    assert of_text.score == pytest.approx(0.75, abs=0.03), "all beyond the chance of four classes"
    assert (of_image.score, of_image.deviation) == (0, 0)


def test_conditional_utilisation() -> None:
    values = conditional_utilisation(np.array([0.9, 0.5, 0.0, 0.4]), np.array([0.6, 0.5, 0.1, 0.5]))
    np.testing.assert_allclose(values, [1 / 3, 0, np.nan, -0.25])


@given(*[st.floats(-10, 10)] * 4)
def test_two_players_over_both_orders(y_tv: float, y_t: float, y_v: float, y_0: float) -> None:
    parts = two_player_shapley(*(np.asarray(y) for y in (y_tv, y_t, y_v, y_0)))
    text_first, text_last = y_t - y_0, y_tv - y_v
    assert parts.text == pytest.approx((text_first + text_last) / 2, abs=1e-9)
    assert parts.text + parts.image == pytest.approx(y_tv - y_0, abs=1e-9)
    assert parts.interaction == pytest.approx(text_last - text_first, abs=1e-9)
    assert np.isnan(two_player_shapley(*(np.asarray(y) for y in (np.nan, y_t, y_v, y_0))).text)
