"""What is read from a file computes what Keras computes: features, logits and maps."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.models import encode_texts, load
from gazeshift.models.keras_weights import import_keras
from gazeshift.models.keras_weights.architecture import Sizes, sizes_of
from gazeshift.models.keras_weights.convert import Imported
from tests.conftest import Command
from tests.keras_weights.conftest import TEXTS, Kept

KINDS = ("image-only", "early-fusion")
CLOSE = 1e-4
"""Of the largest number: Keras and torch sum in another order."""


@pytest.fixture(scope="module")
def imported(models: dict[str, Kept], tokenizer: Path) -> dict[str, Imported]:
    return {name: import_keras(kept.whole, tokenizer=str(tokenizer)) for name, kept in models.items()}


def as_published(name: str, picture: Image.Image) -> np.ndarray:
    """A picture as the published code gives it to Keras: red first, 0 to 255; or as OpenCV reads it, blue first, divided by 255."""
    pixels = np.asarray(picture, np.float32)[None]
    return pixels if name == "image-only" else np.ascontiguousarray(pixels[..., ::-1]) / 255


def assert_close(found: Any, expected: torch.Tensor) -> None:
    torch.testing.assert_close(torch.as_tensor(found), expected, rtol=0, atol=CLOSE * float(expected.abs().max()))


@pytest.mark.parametrize("name", KINDS)
@torch.no_grad()
def test_grid_logits_and_probabilities_are_keras_own(
    name: str, models: dict[str, Kept], imported: dict[str, Imported], tokenizer: Path, picture: Image.Image
) -> None:
    split, model = models[name].split, imported[name].model
    texts = models[name].texts(tokenizer, TEXTS)
    images = as_published(name, picture)
    grid = split.grid(images)
    bound = model.bind([picture], TEXTS)
    assert float(grid.std((1, 2)).mean()) > 0.01, "the picture is seen in the grid"
    assert_close(bound.grid, grid.permute(0, 3, 1, 2))
    logits = split.logits(grid.expand(3, -1, -1, -1), texts)
    assert_close(split.whole(np.repeat(images, 3, axis=0), texts), logits.softmax(1))
    assert_close(
        bound.logits(bound.grid.expand(3, -1, -1, -1), torch.zeros(3, dtype=torch.long), torch.arange(3)), logits
    )
    if name == "early-fusion":
        assert float(torch.cdist(logits, logits)[0, 1:].min()) > 100 * CLOSE * float(logits.abs().max()), "texts matter"


@torch.no_grad()
def test_texts_are_keras_own(models: dict[str, Kept], imported: dict[str, Imported], tokenizer: Path) -> None:
    """Closer than the logits have to be: the exact GELU instead of its approximation would not show there."""
    expected = models["early-fusion"].split.text(models["early-fusion"].texts(tokenizer, TEXTS))
    found = encode_texts(imported["early-fusion"].model, TEXTS).pooled
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", KINDS)
def test_maps_are_keras_own(
    name: str, models: dict[str, Kept], imported: dict[str, Imported], tokenizer: Path, picture: Image.Image
) -> None:
    split, model = models[name].split, imported[name].model
    texts = TEXTS if name == "early-fusion" else ("",)
    for output in (0, 4):
        maps = gs.explain(model, picture, texts, model.classes[output], method="grad-cam")
        for row, text in enumerate(texts):
            expected = split.grad_cam(as_published(name, picture), models[name].texts(tokenizer, (text,)), output)
            assert float(expected.std()) > 0
            assert_close(maps.raw[row], expected)


@pytest.mark.parametrize("name", KINDS)
def test_weights_alone_give_the_same_model(
    name: str, models: dict[str, Kept], imported: dict[str, Imported], tokenizer: Path
) -> None:
    again = import_keras(models[name].weights, tokenizer=str(tokenizer))
    assert again.model.spec == imported[name].model.spec
    state = imported[name].model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.model.state_dict().items())
    assert len(again.notes) > len(imported[name].notes), "what the file does not tell is said"
    assert any("299 px" in note for note in again.notes)


def as_keras_2(name: str) -> str:
    """A weight as TensorFlow 2.4 names it, in a session that had made such layers before; weights of TensorFlow Hub are counted, too."""
    name = re.sub(
        r"(conv2d|batch_normalization)(?:_(\d+))?/", lambda found: f"{found[1]}_{int(found[2] or 0) + 94}/", name
    )
    name = name.replace("lstm_cell", "lstm_cell_1")
    return f"{name}_2:0" if "bert_model" in name else f"{name}:0"


def test_names_and_lists_as_keras_2_writes_them(
    models: dict[str, Kept], imported: dict[str, Imported], tokenizer: Path, tmp_path: Path
) -> None:
    with h5py.File(models["early-fusion"].weights) as old, h5py.File(tmp_path / "model.hdf5", "w") as new:
        tops = list(old.attrs["layer_names"])
        for number, part in enumerate((tops[:3], tops[3:])):
            new.attrs[f"layer_names{number}"] = [name.encode() for name in part]
        for top in tops:
            names = list(old[top].attrs["weight_names"])
            for number in range(12):  # more than nine: they are numbers, not words
                share = names[number * len(names) // 12 : (number + 1) * len(names) // 12]
                new.require_group(top).attrs[f"weight_names{number}"] = [as_keras_2(name).encode() for name in share]
            for name in names:
                new[f"{top}/{as_keras_2(name)}"] = old[top][name][()]
    again = import_keras(tmp_path / "model.hdf5", tokenizer=str(tokenizer)).model.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in imported["early-fusion"].model.state_dict().items())


def test_sizes_as_keras_2_writes_them() -> None:
    inputs = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": shape}}
        for shape in ([None, 20], [None, 20], [None, 299, 299, 3], [None, None, None, 3])
    ]
    dense = [{"class_name": "Dense", "config": {"activation": "softmax"}}]
    architecture = {"class_name": "Functional", "config": {"layers": [*inputs, *dense]}}
    assert sizes_of(architecture, "image-only", {}) == Sizes(299, 20)
    assert sizes_of(None, "image-only", {}) == Sizes(None, None)


def test_the_command_writes_a_model_folder(
    models: dict[str, Kept], imported: dict[str, Imported], tokenizer: Path, tmp_path: Path, gazeshift: Command
) -> None:
    classes = ("tacos", "apple_pie", "gyoza", "ramen", "pho", "takoyaki", "waffles")
    for name in classes:
        (tmp_path / "food" / name).mkdir(parents=True)
    (tmp_path / "names.txt").write_text("\n".join(classes), encoding="utf-8")
    options = ("--tokenizer", tokenizer, "--classes", tmp_path / "names.txt", "--out", tmp_path / "early")
    code, out, err = gazeshift("import-keras", models["early-fusion"].whole, *options)
    assert (code, err) == (0, ""), "nothing had to be assumed"
    assert out == f"{tmp_path / 'early'}: early-fusion, 7 classes, pictures of 299 px\n"
    model = load(tmp_path / "early")
    assert model.classes == classes
    with torch.no_grad():
        found, expected = (encode_texts(each, TEXTS).pooled for each in (model, imported["early-fusion"].model))
    assert torch.equal(found, expected)
    code, _, _ = gazeshift(
        "import-keras", models["image-only"].whole, "--classes", tmp_path / "food", "--out", tmp_path / "image"
    )
    assert code == 0
    assert load(tmp_path / "image").classes == tuple(sorted(classes)), "a folder of folders is numbered as Keras does"
