"""A user's own model by ``gs.model`` and ``python:module:factory``: what goes wrong is said in one line, and the layer to take is found."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.errors import GazeshiftError
from gazeshift.models.addresses import Address, Question
from gazeshift.saliency.explain import check_sees
from gazeshift.saliency.layers import layers
from tests.conftest import Command
from tests.models.bad_models import TextInTrunk, mine
from tests.saliency import own_model
from tests.saliency.own_model import net, picture, picture_to_tensor, texts_to_tensors

PICTURE = picture()


def with_nan() -> nn.Module:
    module = net()
    with torch.no_grad():
        module.head[2].bias.fill_(torch.nan)
    return module


def fails(*given: Any) -> Any:
    raise KeyError("vocabulary")


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no preprocess": (lambda: mine(preprocess=None), "give preprocess="),
    "no classes": (lambda: mine(classes=[]), "classes: give one name for each output"),
    "a class twice": (lambda: mine(classes=["x", "x", "y"]), "classes: give one name"),
    "too few classes": (lambda: mine(classes=["x", "y"]), "3 outputs for 2 classes"),
    "no such layer": (lambda: mine(layer="trunc"), "no layer 'trunc'. Near it"),
    "no layer": (lambda: mine(layer=None), "name the layer to explain at with layer=: .*trunk .6 x 6 cells"),
    "a layer without cells": (lambda: mine(layer="head.0"), "grid cannot be located"),
    "no module": (lambda: mine(net=print), "neither a torch module nor an object with encode_image"),
    "preprocess fails": (lambda: mine(preprocess=fails), "preprocess= fails on a picture of 60 x 40"),
    "tokenizer fails": (lambda: mine(tokenizer=fails), "tokenizer= fails on 2 texts: KeyError"),
    "too few rows of text": (
        lambda: mine(tokenizer=lambda texts: texts_to_tensors(texts[:1])),
        "reads 1 rows for 2 texts",
    ),
    "a picture of another shape": (lambda: mine(preprocess=lambda image: torch.zeros(4, 24, 24)), "fails on"),
    "a class that is none": (lambda: (mine(), {"target": "w"}), "unknown class 'w'"),
    "a combination of one that is none": (lambda: (mine(), {"target": "x rather than w"}), "unknown class 'w'"),
    "a combination of nothing": (lambda: gs.Combination({"x": 0.0}), "at least one class with a weight"),
    "label without a label": (lambda: (mine(), {"target": "label"}), "needs the true class"),
    "no method": (lambda: (mine(), {"method": "gradcan"}), "unknown method"),
    "not a picture": (lambda: (mine(), {"image": np.zeros((4, 4, 7), np.uint8)}), "is not a picture"),
    "a plain module": (lambda: check_sees(net()), "does not say how it reads pictures and texts: give gazeshift.model"),
}


def explained(make: Callable[[], Any]) -> None:
    made = make()
    model, options = made if isinstance(made, tuple) else (made, {})
    gs.explain(model, **({"image": PICTURE, "texts": ["red", "blue dog"]} | options))


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(case: str) -> None:
    make, words = WRONG[case]
    with pytest.raises(GazeshiftError, match=words) as error:
        explained(make)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400


def test_a_logit_that_is_no_number_has_no_map() -> None:
    found = gs.explain(mine(net=with_nan()), PICTURE, ["red"], target="x")
    assert found.undefined.all()


def test_a_text_that_reaches_the_layer_gets_its_own_pass() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = TextInTrunk().eval()
    texts = ["red", "blue dog on the left", ""]
    together = gs.explain(mine(net=module), PICTURE, texts, target="x")
    for row, text in enumerate(texts):
        alone = gs.explain(mine(net=module), PICTURE, [text], target="x")
        np.testing.assert_allclose(together.raw[row], alone.raw[0], rtol=0, atol=1e-5 * np.abs(alone.raw[0]).max())
    occluded = gs.explain(mine(net=module), PICTURE, texts, target="x", method="occlusion")
    pixels = picture_to_tensor(PICTURE)[None]
    hidden = pixels.clone()
    hidden[:, :, :4, :4] = 0
    with torch.no_grad():
        words = texts_to_tensors(texts)
        expected = module(pixels.expand(3, -1, -1, -1), words)[:, 0] - module(hidden.expand(3, -1, -1, -1), words)[:, 0]
    np.testing.assert_allclose(occluded.raw[:3, 0, 0], expected.numpy(), rtol=1e-3, atol=1e-5)


class Normed(nn.Module):
    """Patches in two blocks, a norm before the mean: at the last block's output every cell's channels cancel."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(2))
        self.norm, self.words, self.head = nn.LayerNorm(8), nn.EmbeddingBag(50, 8, padding_idx=0), nn.Linear(8, 3)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        tokens = self.patches(image).flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = tokens + torch.tanh(block(tokens))
        picked = torch.softmax(self.norm(tokens).sum(2, keepdim=True), 1)
        return self.head((self.norm(tokens) * picked).sum(1) * self.words(text))


def test_the_layer_to_take_is_the_last_free_of_text_with_more_than_rounding() -> None:
    found = layers(own_model.bare(), PICTURE)
    assert found.best is not None
    assert (found.best.name, found.best.grid, found.best.text_reaches) == ("trunk", (6, 6), False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        normed = layers(mine(net=Normed().eval(), layer=None), PICTURE)
    assert normed.best is not None
    assert normed.best.name != "blocks.1"
    assert all(layer.grid == (6, 6) for layer in normed.layers)


def test_where_the_text_reaches_is_seen() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = layers(mine(net=TextInTrunk().eval(), layer=None), PICTURE)
    assert {layer.name: layer.text_reaches for layer in found.layers}["trunk.0"]
    assert found.best is not None


def test_ours_have_a_known_tap(build: Callable[..., Any]) -> None:
    with pytest.raises(GazeshiftError, match="its tap is known"):
        layers(build())


ADDRESSES = {
    "python:nowhere_at_all:make": "no module 'nowhere_at_all' here or installed",
    "python:own_model:nothing": "own_model has no function 'nothing'",
    "python:own_model:fails": "the factory fails with ZeroDivisionError: no weights",
    "python:own_model:something_else": "returns a Net; return what gazeshift.model",
    "python:own_model": "write python:MODULE:FACTORY",
    "python:broken:make": "importing broken fails with SyntaxError",
}


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the user's module and a picture, which is the current one."""
    source = Path(own_model.__file__)
    (tmp_path / "own_model.py").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "broken.py").write_text("def make(:\n", encoding="utf-8")
    PICTURE.save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    for name in ("own_model", "broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_leads_nowhere(beside: Path, gazeshift: Command, address: str) -> None:
    before = list(sys.path)
    code, out, err = gazeshift("explain", address, "photo.png", "--text", "red")
    assert (code, out) == (2, "")
    assert ADDRESSES[address] in err
    assert len(err.strip().splitlines()) <= 2  # that code runs, and what is wrong
    assert sys.path == before


def test_options_of_a_published_model_are_for_these_alone() -> None:
    with pytest.raises(GazeshiftError, match="are for a published model"):
        Address("python:own_model:make", Question(classes=("a",))).open()


def test_the_commands_take_the_users_own(beside: Path, gazeshift: Command) -> None:
    model = "python:own_model:make"
    code, out, err = gazeshift(
        "explain",
        model,
        "photo.png",
        "--text",
        "a red dog",
        "--text",
        "",
        "--out",
        "o.png",
        "--target",
        "x rather than y",
    )
    assert (code, "x rather than y" in out, "runs your own code" in err) == (0, True, True)
    with Image.open(beside / "o.png") as drawn:
        assert drawn.size[0] > drawn.size[1]
    code, out, _ = gazeshift("words", model, "photo.png", "a red dog", "--out", "w.html")
    assert (code, "dog" in out) == (0, True)
    assert "<html" in (beside / "w.html").read_text(encoding="utf-8")
    code, out, _ = gazeshift("layers", "python:own_model:bare", "--image", "photo.png")
    assert (code, "Take layer='trunk'." in out) == (0, True)
