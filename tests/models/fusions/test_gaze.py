"""The gaze in a fusion's forward pass: taken out and put back, and taken from another text."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from gazeshift.models import HEADS
from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.fusions import Fusion
from tests.models.fusions.conftest import Make, pool
from tests.models.fusions.test_formulas import Array, Weights, attended, block, norm, relu, sigmoid, softmax

GAZING = [name for name, head in HEADS.items() if head.structure.mediator]
OTHERS = torch.tensor([1, 2, 0])  # each image meets the gaze of the next text


@pytest.fixture
def text(text: TextFeatures) -> TextFeatures:
    """Louder than those of other tests: texts that differ little open the same units."""
    return TextFeatures(10 * text.tokens, text.mask, 10 * text.pooled)


def swapped(head: Fusion, image: ImageFeatures, text: TextFeatures) -> torch.Tensor:
    met, gazing = head.meet(image, pool), head.gazing
    assert gazing is not None
    return gazing.answer(met, text, gazing.gaze(met, text.rows(OTHERS)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", HEADS)
@torch.no_grad()
def test_with_its_own_gaze_a_text_gives_the_plain_forward_bit_by_bit(
    make: Make, image: ImageFeatures, text: TextFeatures, name: str, dtype: torch.dtype
) -> None:
    head, image, text = make(name).to(dtype), image.to(dtype), text.with_precision(dtype)
    assert (head.gazing is not None) is (HEADS[name].structure.mediator is not None)
    if head.gazing is not None:
        met = head.meet(image, pool)
        gaze = head.gazing.gaze(met, text)
        assert torch.equal(head.gazing.answer(met, text, gaze), head(image, pool, text))
        assert all(len(part) == len(text) for part in gaze)


@pytest.mark.parametrize("name", GAZING)
@torch.no_grad()
def test_a_copy_of_a_fusion_gazes_with_its_own_weights(
    make: Make, image: ImageFeatures, text: TextFeatures, name: str
) -> None:
    head = make(name)
    copied, before = deepcopy(head), swapped(head, image, text)
    for parameter in copied.parameters():
        parameter.zero_()
    assert not swapped(copied, image, text).any()
    assert torch.equal(swapped(head, image, text), before)


@pytest.mark.parametrize("name", GAZING)
@torch.no_grad()
def test_another_gaze_changes_the_answer(make: Make, image: ImageFeatures, text: TextFeatures, name: str) -> None:
    head = make(name)
    assert ((swapped(head, image, text) - head(image, pool, text)).abs().amax(1) > 1e-6).any()


@pytest.mark.parametrize("name", HEADS)
def test_an_additive_fusion_has_no_gaze(name: str) -> None:
    structure = HEADS[name].structure
    assert not (structure.additive and structure.mediator)


@pytest.mark.parametrize("name", GAZING)
@torch.no_grad()
def test_padding_of_either_text_changes_nothing(
    make: Make, image: ImageFeatures, text: TextFeatures, name: str
) -> None:
    head, noise = make(name), replace(text, tokens=text.tokens + 5 * ~text.mask[..., None])
    torch.testing.assert_close(swapped(head, image, noise), swapped(head, image, text))


def hidden(w: Weights, name: str, x: Array, y: Array) -> Array:
    """A layer of ``x`` with those of its units open that ``y`` opens, unit by unit."""
    return np.array([one if other > 0 else 0.0 for one, other in zip(w(name)(x), w(name)(y), strict=True)])


def concatenated(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    image = w("image.1")(v)
    return w("joint.2")(hidden(w, "joint.0", np.append(image, u), np.append(image, u2)))


def deep(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    image = w("image.1")(v)
    first = hidden(w, "joint.0", np.append(image, u), np.append(image, u2))
    theirs = w("joint.2")(relu(w("joint.0")(np.append(image, u2))))
    return w("joint.4")(np.where(theirs > 0, w("joint.2")(first), 0))


def opinions(w: Weights, v: Array, u: Array) -> Array:
    return np.log([*softmax(w("image.1")(v)), *softmax(w("text.3")(relu(w("text.1")(u))))])


def judged(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    return w("rule.layers.2")(hidden(w, "rule.layers.0", opinions(w, v, u), opinions(w, v, u2)))


def confident(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    image, (own, theirs) = w("image.1")(v), (w("text.3")(relu(w("text.1")(each))) for each in (u, u2))
    one, other = softmax(image).max(), softmax(theirs).max()
    return (one * image + other * own) / (one + other)


def outer(w: Weights, v: Array, u: Array) -> Array:
    return np.outer(np.append(w("image.1")(v), 1), np.append(w("text")(u), 1)).ravel()


def tensor(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    return w("joint.2")(hidden(w, "joint.0", outer(w, v, u), outer(w, v, u2)))


def gated(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    image, image_gate = np.split(w("image")(v), 2)
    words, gate = np.split(w("text")(u), 2)[0], np.split(w("text")(u2), 2)[1]
    z = sigmoid(image_gate + gate)
    return w("classes")(z * np.tanh(image) + (1 - z) * np.tanh(words))


def squeezed(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    own, theirs = (relu(w("squeeze.0")(np.append(v, each))) for each in (u, u2))
    return w("classes.1")(np.append(2 * sigmoid(w("image")(theirs)) * v, 2 * sigmoid(w("text")(own)) * u))


def film(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    shift, scale = np.split(w("text")(u), 2)[1], np.split(w("text")(u2), 2)[0]
    return w("classes.1")(np.mean([relu((1 + scale) * w("image")(cell) + shift) for cell in cells], axis=0))


def looked(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    return w("classes.1")(np.append(attended(w, "attention", tokens2, cells).mean(0), u))


def read(w: Weights, v: Array, cells: Array, u: Array, tokens: Array, u2: Array, tokens2: Array) -> Array:
    own, theirs = (
        np.array([w("image")(x) + y for x, y in zip(cells, attended(w, "attention", cells, each), strict=True)])
        for each in (tokens, tokens2)
    )
    return w("classes.1")(np.where(theirs > 0, own, 0).mean(0))


FORMULAS = {
    "early-fusion": concatenated,
    "early-deep": deep,
    "stacking": judged,
    "confidence-weighted": confident,
    "tensor-fusion": tensor,
    "gated-unit": gated,
    "squeeze-excitation": squeezed,
    "film": film,
    "text-to-image-attention": looked,
    "image-to-text-attention": read,
}


def test_every_gaze_but_that_of_shared_tokens_has_its_formula_here() -> None:
    assert set(GAZING) - set(FORMULAS) == {"bottleneck-tokens"}  # its own test is below


@pytest.mark.parametrize("name", FORMULAS)
@torch.no_grad()
def test_an_answer_with_another_gaze_is_its_formula(
    make: Make, image: ImageFeatures, text: TextFeatures, name: str
) -> None:
    head = make(name)
    logits = swapped(head, image, text).numpy()
    for row, other in enumerate(OTHERS.tolist()):
        cells = image.grid[row].flatten(1).T.numpy()
        u, u2 = (text.pooled[each].numpy() for each in (row, other))
        tokens, tokens2 = (text.tokens[each, text.mask[each]].numpy() for each in (row, other))
        expected = FORMULAS[name](Weights(head), cells.mean(0), cells, u, tokens, u2, tokens2)
        np.testing.assert_allclose(logits[row], expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@torch.no_grad()
def test_the_attention_of_a_block_can_be_that_of_other_tokens(make: Make) -> None:
    """What ``bottleneck-tokens`` exchanges: shares from one set of tokens, values from another, cell by cell."""
    head = make("bottleneck-tokens")
    own, theirs = np.random.default_rng(0).normal(size=(2, 5, 8))
    w, of = Weights(head), head.get_submodule("image_blocks.1")
    real = torch.ones(1, 5, dtype=torch.bool)
    found = of.under(of.pattern(torch.from_numpy(theirs)[None]), torch.from_numpy(own)[None], real)  # type: ignore[operator]
    query, key, value = (w(f"image_blocks.1.attention.{part}") for part in ("query", "key", "value"))
    heard = []
    for asking in theirs:
        parts = []
        for h in range(4):
            mine = slice(2 * h, 2 * h + 2)
            shares = softmax(np.array([query(asking)[mine] @ key(each)[mine] / np.sqrt(2) for each in theirs]))
            parts.append(sum(share * value(each)[mine] for share, each in zip(shares, own, strict=True)))
        heard.append(w("image_blocks.1.attention.out")(np.concatenate(parts)))
    expected = rest_of_a_block(w, "image_blocks.1", own + np.array(heard))
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=0, atol=1e-9)
    plain = of(torch.from_numpy(own)[None], real)[0].numpy()
    np.testing.assert_allclose(plain, block(w, "image_blocks.1", own), rtol=0, atol=1e-9)
    assert np.abs(plain - expected).max() > 1e-3


def rest_of_a_block(w: Weights, name: str, tokens: Array) -> Array:
    normed = np.array([norm(w, f"{name}.norms.0", x) for x in tokens])
    fed = np.array([w(f"{name}.feed.2")(relu(w(f"{name}.feed.0")(x))) for x in normed])
    return np.array([norm(w, f"{name}.norms.1", x) for x in normed + fed])


@torch.no_grad()
def test_shared_tokens_carry_a_gaze_to_the_image_alone(make: Make, image: ImageFeatures, text: TextFeatures) -> None:
    """The first block has heard no text; the second attends as the other text has it."""
    head = make("bottleneck-tokens")
    met, gazing = head.meet(image, pool), head.gazing
    assert gazing is not None
    own, other = (gazing.gaze(met, each) for each in (text, text.rows(OTHERS)))
    assert len(own) == 4
    for mine, theirs in zip(own[:2], other[:2], strict=True):
        torch.testing.assert_close(mine, theirs)
    assert all((mine - theirs).abs().max() > 1e-6 for mine, theirs in zip(own[2:], other[2:], strict=True))
    mixed = gazing.answer(met, text, (*own[:2], *other[2:]))
    torch.testing.assert_close(mixed, swapped(head, image, text))
