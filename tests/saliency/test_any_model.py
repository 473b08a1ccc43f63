"""A model from outside does everything that one of ours does, and a plain loop over the user's own module says the same."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.saliency.own_model import CLASSES, TEXTS, Net, make, net, picture, picture_to_tensor, texts_to_tensors
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.errors import GazeshiftError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.saliency import METHODS, explain_inputs
from gazeshift.saliency.score import Rise

PICTURE = picture()
NEEDS_ATTENTION = {"attention-gradient", "rollout"}


def close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-4, rounding: float = 0.0) -> None:
    """Equal to a part of the largest value; or, for maps that are differences of logits, to what rounding does to those logits."""
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=max(tolerance * np.abs(theirs).max(), rounding))


def by_loop(model: Net, text: str, target: int, weigh: Callable[[Tensor], Tensor]) -> np.ndarray:
    """``sum_k w(g)_k A_k`` by a hook on the layer and one backward pass of the whole module."""
    kept: list[Tensor] = []
    hook = model.trunk.register_forward_hook(lambda module, given, output: kept.append(output))
    with torch.enable_grad():
        logit = model(picture_to_tensor(PICTURE)[None], texts_to_tensors([text]))[0, target]
        (slope,) = torch.autograd.grad(logit, kept[0])
    hook.remove()
    return (weigh(slope) * kept[0]).sum(1)[0].detach().numpy()


def logit(model: Net, pixels: Tensor, text: str, target: int) -> float:
    with torch.no_grad():
        return float(model(pixels[None], texts_to_tensors([text]))[0, target])


@pytest.mark.parametrize(
    ("method", "weigh"),
    [("grad-cam", lambda slope: slope.mean((2, 3), keepdim=True)), ("hires-cam", lambda slope: slope)],
)
def test_gradient_methods_are_a_plain_loop(method: str, weigh: Callable[[Tensor], Tensor]) -> None:
    found = gs.explain(make(), PICTURE, TEXTS, target="y", method=method)
    for row, text in enumerate(TEXTS):
        close(found.raw[row], by_loop(net(), text, 1, weigh))
        assert found.rows[row].logit == pytest.approx(logit(net(), picture_to_tensor(PICTURE), text, 1), rel=1e-4)


def test_occlusion_hides_each_square_of_the_picture() -> None:
    model, pixels = net(), picture_to_tensor(PICTURE)
    found = gs.explain(make(), PICTURE, TEXTS[:2], target="y", method="occlusion")
    for row, text in enumerate(TEXTS[:2]):
        expected = np.zeros((6, 6))
        for y in range(6):
            for x in range(6):
                hidden = pixels.clone()
                hidden[:, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] = 0
                expected[y, x] = logit(model, pixels, text, 1) - logit(model, hidden, text, 1)
        close(found.raw[row], expected)


def test_rise_is_its_definition() -> None:
    model, pixels = net(), picture_to_tensor(PICTURE)
    masks = torch.cat(list(Rise().draw(24, 24)))
    scores = np.array([logit(model, pixels * mask, TEXTS[0], 2) for mask in masks])
    cells = masks.view(-1, 6, 4, 6, 4).mean((2, 4)).numpy()
    expected = ((scores - scores.mean())[:, None, None] * cells).sum(0) / (len(masks) * 0.5)
    close(gs.explain(make(), PICTURE, TEXTS[:1], target="z", method="rise").raw[0], expected, 1e-3)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in NEEDS_ATTENTION])
def test_every_method_that_its_parts_allow(method: str) -> None:
    found = gs.explain(make(), PICTURE, TEXTS, method=method)
    assert found.raw.shape[1:] == (6, 6)
    assert np.isfinite(found.raw).all()
    assert np.abs(found.raw).max() > 0


@pytest.mark.parametrize("method", sorted(NEEDS_ATTENTION))
def test_without_attention_one_line_says_so(method: str) -> None:
    with pytest.raises(GazeshiftError, match="no attention over the grid") as error:
        gs.explain(make(), PICTURE, TEXTS, method=method)
    assert "\n" not in str(error.value)


class Attends(nn.Module):
    """Patches that attend to each other, gated by a text."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.words, self.head = nn.EmbeddingBag(50, 8, padding_idx=0), nn.Linear(8, 3)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        tokens = torch.tanh(self.patches(image)).flatten(2).transpose(1, 2) * 2
        mixed, _ = self.attention(tokens, tokens, tokens)
        return self.head(torch.tanh(mixed.mean(1)) * self.words(text))


def test_attention_methods_need_only_attention() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Attends().eval()
    model = gs.model(module, "patches", picture_to_tensor, texts_to_tensors, CLASSES)
    with torch.no_grad():
        tokens = torch.tanh(module.patches(picture_to_tensor(PICTURE)[None])).flatten(2).transpose(1, 2) * 2
        _, weights = module.attention(tokens, tokens, tokens)
    expected = ((weights[0] + torch.eye(36)) / 2).mean(0).view(6, 6).numpy()
    close(gs.explain(model, PICTURE, TEXTS[:1], method="rollout").raw[0], expected)
    assert gs.explain(model, PICTURE, TEXTS[:2], method="attention-gradient").raw.max() > 0


def _file(path: Path) -> dict[str, Any]:
    PICTURE.save(path / "photo.png")
    data = io.BytesIO()
    PICTURE.save(data, "PNG")
    array = np.asarray(PICTURE)
    name = path / "photo.png"
    return {"path": name, "name": str(name), "bytes": data.getvalue(), "Pillow": PICTURE, "array": array}


def test_a_picture_in_any_form(tmp_path: Path) -> None:
    expected = gs.explain(make(), PICTURE, TEXTS).raw
    for form, given in _file(tmp_path).items():
        np.testing.assert_array_equal(gs.explain(make(), given, TEXTS).raw, expected, form)


def test_pictures_and_sentences_are_the_tensors_they_become() -> None:
    found = gs.explain(make(), PICTURE, TEXTS, target="z", method="hires-cam")
    pixels, words = picture_to_tensor(PICTURE)[None], texts_to_tensors(list(TEXTS))
    expected = explain_inputs(make().net, pixels, words, target=2, method="hires-cam")
    np.testing.assert_array_equal(found.raw[: len(TEXTS)], expected.raw)


def test_a_classifier_of_ours_seen_from_outside_is_the_same_model(build: Callable[..., Classifier]) -> None:
    """Every question gets the same answer, whichever way in."""
    ours = build("early-fusion", size=64)

    class Parts:
        """Our classifier as a user's object in three parts."""

        def __init__(self) -> None:
            self.model = ours

        def encode_image(self, pixels: Tensor) -> Tensor:
            return ours.encode_image(pixels).grid

        def encode_text(self, words: list[str]) -> Tensor:
            tokens = ours.tokenize(words)
            return ours.encode_text(tokens.ids, tokens.mask).pooled

        def classify(self, grid: Tensor, text: Tensor) -> Tensor:
            return ours.head(ImageFeatures(grid), ours.trunk.pool, TextFeatures.from_pooled(text))

    preprocessing = ours.spec.preprocessing

    def preprocess(image: Image.Image) -> Tensor:
        return preprocessing.normalise(torch.from_numpy(preprocessing.crop(image))[None])

    theirs = gs.model(Parts(), None, preprocess, list, ours.classes, pools_first=True)
    texts = ["apple pie with cream", "red tomato ketchup"]
    one, other = (gs.explain(model, PICTURE, texts) for model in (ours, theirs))
    assert (one.method, one.predicted, one.rows[0].target) == (other.method, other.predicted, other.rows[0].target)
    close(other.raw, one.raw)
    assert gs.shift(other).js_bits == pytest.approx(gs.shift(one).js_bits, abs=1e-4, nan_ok=True)
    words = [gs.word_effects(model, PICTURE, texts[0]) for model in (ours, theirs)]
    np.testing.assert_allclose(words[0].logit, words[1].logit, atol=1e-4)
    faithful = [gs.faithfulness(model, PICTURE, texts[0], samples=20).numbers for model in (ours, theirs)]
    assert faithful[0] == pytest.approx(faithful[1], abs=1e-3, nan_ok=True)
    pixels = [gs.explain(model, PICTURE, texts, method="occlusion").raw for model in (ours, theirs)]
    close(pixels[1], pixels[0], rounding=1e-6 * max(1.0, *(abs(row.logit) for row in one.rows)))
    assert np.abs(pixels[0]).max() > 1e-5  # far above that rounding: the two are compared, not waved through


@pytest.mark.parametrize("method", ["grad-cam", "hires-cam", "integrated-gradients"])
def test_a_rather_than_b_is_the_difference_of_their_maps(method: str) -> None:
    model = make()
    both = [gs.explain(model, PICTURE, TEXTS[:2], target=name, method=method).raw[:2] for name in ("x", "z")]
    told = gs.explain(model, PICTURE, TEXTS[:2], target="x rather than z", method=method)
    close(told.raw[:2], both[0] - both[1], 1e-3)
    assert (told.target, told.classes[told.rows[0].target]) == ("x rather than z", "x rather than z")
    sums = gs.explain(model, PICTURE, TEXTS[:2], target=gs.Combination({"x": 2.0, 2: 0.5}), method=method)
    close(sums.raw[:2], 2 * both[0] + 0.5 * both[1], 1e-3)
    assert gs.shift(told).before in CLASSES


def test_how_much_is_text_and_how_much_is_image() -> None:
    found = gs.modality(make(), PICTURE, TEXTS[0], "y", orders=4)
    model, pixels, nothing = net(), picture_to_tensor(PICTURE), torch.zeros(3, 24, 24)
    both, image, text, none = (
        logit(model, shown, said, 1)
        for shown, said in ((pixels, TEXTS[0]), (pixels, ""), (nothing, TEXTS[0]), (nothing, ""))
    )
    assert found.interaction == pytest.approx(both - image - text + none, abs=1e-4)
    assert found.text == pytest.approx((both - image + text - none) / 2, abs=1e-4)
    assert found.players.image.sum() + found.players.text.sum() == pytest.approx(both - none, abs=1e-4)
    assert "mean colour" in found.baseline


class Additive(Net):
    """A function of the image plus a function of the text."""

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.head[2](torch.tanh(self.trunk(image)).mean((2, 3)).repeat(1, 2) * 3) + self.head[2](
            self.words(text).repeat(1, 2)
        )


def test_what_the_text_can_do_is_tried() -> None:
    moved = gs.text_influence(make())
    assert moved.can_move_map
    assert moved.largest_change > 1e-2
    still = gs.text_influence(gs.model(Additive().eval(), "trunk", picture_to_tensor, texts_to_tensors, CLASSES))
    assert not still.can_move_map
    assert "Tried" in still.sentence
    deaf = gs.model(
        nn.Sequential(nn.Conv2d(3, 3, 4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "0",
        picture_to_tensor,
        None,
        CLASSES,
    )
    assert not gs.text_influence(deaf).can_move_map
    maps = gs.explain(deaf, PICTURE, TEXTS, target="x").raw[: len(TEXTS)]
    assert (maps == maps[:1]).all()
