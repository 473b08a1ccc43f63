"""A modality that is missing at test time is missing as in training: no text is the empty text, no image a grid of zeros at the tap."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models import HEADS, Classifier, ImageFeatures, ImageSpec, TextFeatures
from gazeshift.models.absent import empty_text, leaving_out
from gazeshift.training import Split, accuracy, predict
from gazeshift.training.losses import Seen, dropped

BOTH = [name for name, head in HEADS.items() if head.structure.sees_image and head.structure.reads_text]
Build = Callable[..., Classifier]
TOKENS = ImageSpec(name="vit_tiny_patch16_224", options={"embed_dim": 32, "depth": 2, "num_heads": 2})


@pytest.fixture
def few(make_split: Callable[..., Split]) -> Split:
    return make_split(6)


def one_by_one(model: Classifier, split: Split, without: str) -> Tensor:
    """By the definition, a pair at a time."""
    found = []
    with torch.no_grad():
        for row, text in enumerate(split.texts):
            pixels = model.spec.preprocessing.normalise(torch.from_numpy(split.images[row : row + 1]))
            tokens = model.tokenize(["" if without == "text" else text])
            image, said = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
            nothing = ImageFeatures(torch.zeros_like(image.grid), None if image.prefix is None else 0 * image.prefix)
            found.append(model.classify(nothing if without == "image" else image, said))
    return torch.cat(found)


@pytest.mark.parametrize("without", ["image", "text"])
@pytest.mark.parametrize("head", BOTH)
def test_a_model_is_asked_without_it_as_the_definition_says(build: Build, few: Split, head: str, without: str) -> None:
    model = build(head).eval()
    found, expected = predict(model, few, without=without), one_by_one(model, few, without)
    allowed = 1e-5 * float(expected.abs().max())  # untrained, the deepest head hardly hears the image
    torch.testing.assert_close(found, expected, rtol=0, atol=allowed)
    assert accuracy(found, few.labels) == accuracy(expected, few.labels)
    assert float((found - predict(model, few)).abs().max()) > 3 * allowed, "nothing was left out"


@pytest.mark.parametrize("without", ["image", "text"])
@pytest.mark.parametrize("head", ["early-fusion", "film", "co-attention", "bimodal-transformer"])
@pytest.mark.parametrize("tokens", [False, True], ids=["grid", "tokens"])
def test_modality_dropout_drops_the_very_same(
    build: Build, make_split: Callable[..., Split], head: str, without: str, tokens: bool
) -> None:
    model, few = with_tokens(build, head) if tokens else build(head).eval(), make_split(5)
    pixels = model.spec.preprocessing.normalise(torch.from_numpy(few.images))
    said = model.tokenize(few.texts)
    with torch.no_grad():
        image, text = model.encode_image(pixels), model.encode_text(said.ids, said.mask)
        assert (image.prefix is not None) is tokens
        whole = Seen(image, text, empty_text(model), few.labels, slice(None))
        drawn = torch.full((5,), 0.2 if without == "image" else 0.8)  # at a rate of 1, half lose the image
        trained = dropped(whole, drawn, 1.0)
        tested = leaving_out(model, without)(image, text)
        expected = model.classify(trained.image, trained.text)
        torch.testing.assert_close(model.classify(*tested), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(predict(model, few, without=without), expected, rtol=1e-4, atol=1e-4)


def with_tokens(build: Build, head: str) -> Classifier:
    """The same with a vision transformer as trunk."""
    spec = build(head).spec
    torch.manual_seed(0)
    trunk = gs.models.build_trunk(TOKENS, spec.preprocessing.size)
    text = gs.models.build_text(spec.text, ["red left", "green right"])
    return gs.models.build_classifier(spec.model_copy(update={"image": TOKENS}), trunk, text, 0).eval()


@pytest.mark.parametrize("head", ["early-fusion", "film", "co-attention"])
def test_without_a_text_there_is_the_map_of_the_empty_text(build: Build, few: Split, head: str) -> None:
    """The map that is drawn by default is gradient times activation of what is left when the text is left out."""
    model, picture = build(head).eval(), few.images[0].transpose(1, 2, 0)
    maps = gs.explain(model, picture, method="hires-cam")
    assert maps.texts == ("",)
    bound = model.bind([gs.saliency.pictures.open_picture(picture)], ["red left"])
    image, empty = leaving_out(model, "text")(bound.image, bound.text)
    grid = image.grid.clone().requires_grad_()
    logits = model.classify(ImageFeatures(grid), empty)
    assert int(logits.argmax()) == maps.predicted[0]
    (slope,) = torch.autograd.grad(logits.max(), grid)
    expected = (slope * grid)[0].sum(0).detach().numpy()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(maps.raw[0], expected, rtol=0, atol=1e-4 * float(np.abs(expected).max()))


def test_without_an_image_there_is_no_map_and_it_is_said_why(build: Build) -> None:
    with pytest.raises(UsageError, match=r"no picture, and so no map.*--without image") as error:
        gs.explain(build().eval(), None, ["red left"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parts", "without", "words"),
    [
        ({}, "texts", "Known: image, text"),
        ({"head": "image-only", "text": "none"}, "text", "'image-only' reads no text"),
        ({"head": "text-only", "trunk": "none"}, "image", "'text-only' sees no image"),
    ],
)
def test_what_cannot_be_left_out_is_refused(
    build: Build, few: Split, parts: dict[str, Any], without: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as error:
        predict(build(**parts).eval(), few, without=without)
    assert "\n" not in str(error.value)


def test_some_lose_it_and_others_keep_theirs(few: Split) -> None:
    """Rows do not mix, whatever they are padded to."""
    text, empty = TextFeatures.from_pooled(torch.randn(6, 4)), TextFeatures.from_pooled(torch.zeros(1, 4))
    seen = Seen(ImageFeatures(torch.randn(6, 2, 1, 1), torch.randn(6, 1, 2)), text, empty, few.labels, slice(None))
    lost = torch.tensor([True, False, False, True, False, False])
    part = replace(seen).without(image=lost, text=~lost)
    assert torch.equal(part.image.grid[~lost], seen.image.grid[~lost])
    assert not part.image.grid[lost].any()
    assert not part.image.prefix[lost].any()
    assert torch.equal(part.text.pooled[lost], text.pooled[lost])
    assert not part.text.pooled[~lost].any()
