"""Files that are not what they should be: one line that names the file and what is wrong with it, and nothing is written."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Command
from tests.keras_weights.conftest import Kept

Change = Callable[[h5py.File], Any]


def config(change: Callable[[str], str]) -> Change:
    """An edit of the architecture's JSON text."""

    def edit(file: h5py.File) -> None:
        before = file.attrs["model_config"]
        after = change(before)
        assert after != before, "the test's own edit found nothing"
        file.attrs["model_config"] = after

    return edit


def weight(file: h5py.File, end: str) -> str:
    """The path of the first weight that ends so."""
    found: list[str] = []
    file["model_weights"].visititems(lambda name, each: found.append(name) if name.endswith(end) else None)
    return f"model_weights/{min(found, key=len)}"


def replaced(end: str, make: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Another weight in the place of one."""

    def edit(file: h5py.File) -> None:
        path = weight(file, end)
        values = make(file[path][()])
        del file[path]
        file[path] = values

    return edit


def linked(file: h5py.File) -> None:
    path = weight(file, "conv2d_5/kernel")
    del file[path]
    file[path] = h5py.ExternalLink("/etc/hostname", "/")


def stored_elsewhere(file: h5py.File) -> None:
    path = weight(file, "conv2d_5/kernel")
    shape = file[path].shape
    del file[path]
    file.create_dataset(path, shape, "float32", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def larger_than_the_file(file: h5py.File) -> None:
    path = weight(file, "dense/bias")
    del file[path]
    file.create_dataset(path, (10**12,), "float32", chunks=(1000,))


def not_finite(values: np.ndarray) -> np.ndarray:
    values.flat[3] = np.nan
    return values


def without_a_layer(file: h5py.File) -> None:
    root = file["model_weights"]
    names = [name for name in root.attrs["layer_names"] if name not in {"conv2d_7", "batch_normalization_7"}]
    root.attrs["layer_names"] = names


def with_an_odd_layer(file: h5py.File) -> None:
    root = file["model_weights"]
    root["odd/odd/depthwise"] = np.zeros((2, 2), "float32")
    root["odd"].attrs["weight_names"] = ["odd/depthwise"]
    root.attrs["layer_names"] = [*root.attrs["layer_names"], "odd"]


DAMAGES: dict[str, tuple[str, Change, str]] = {
    "a norm that divides otherwise": (
        "image-only",
        config(lambda text: text.replace('"epsilon": 0.001', '"epsilon": 0.01', 1)),
        "BatchNormalization layers have epsilon 0.01",
    ),
    "a head that computes otherwise": (
        "image-only",
        config(lambda text: text.replace('"softmax"', '"sigmoid"')),
        "activations sigmoid; the released model has softmax",
    ),
    "larger pictures": (
        "image-only",
        config(lambda text: text.replace("[null, 299, 299, 3]", "[null, 340, 340, 3]")),
        "pictures of 340 px give 81 cells, of which its pooling would read 8 x 8 alone",
    ),
    "pictures that are not square": (
        "image-only",
        config(lambda text: text.replace("[null, 299, 299, 3]", "[null, 299, 320, 3]")),
        "sides of 299, 320 px; only square ones",
    ),
    "no architecture but a word": ("image-only", config(lambda _: "InceptionV3"), "its architecture is not JSON"),
    "an architecture of another kind": ("image-only", config(lambda _: "[]"), "its architecture is not a JSON object"),
    "a weight of another shape": (
        "image-only",
        replaced("conv2d_3/kernel", lambda values: values[:, :, :-1]),
        "conv2d_3/kernel has the shape (1, 1, 63, 80), which does not fit (80, 64, 1, 1) here",
    ),
    "a weight of words": ("image-only", replaced("dense/bias", lambda _: np.array([b"a"] * 7)), "dense/bias cannot be read"),
    "a weight that is not a number": ("image-only", replaced("conv2d_3/kernel", not_finite), "not finite"),
    "a weight in another file, by a link": ("image-only", linked, "missing in it, or only a link"),
    "a weight in another file": ("image-only", stored_elsewhere, "refers to another one, which is not read"),
    "a weight larger than the file": ("image-only", larger_than_the_file, "dense/bias is said to be larger than the file"),
    "no such weight": ("image-only", lambda file: file.pop(weight(file, "conv2d_5/kernel")), "missing in it"),
    "a layer too few": ("image-only", without_a_layer, "93 convolutions and 93 batch norms; InceptionV3 without its top"),
    "a layer too many": ("image-only", with_an_odd_layer, "layer odd/odd belongs neither to InceptionV3 nor to BERT"),
    "an older LSTM": (
        "early-fusion",
        config(lambda text: text.replace('"recurrent_activation": "sigmoid"', '"recurrent_activation": "hard_sigmoid"')),
        "LSTM layers have recurrent_activation 'hard_sigmoid'",
    ),
    "an LSTM with two biases": (
        "early-fusion",
        replaced("lstm_cell/bias", lambda values: np.concatenate([values, values])),
        "lstm_cell/bias has the shape (96,), which does not fit (48,)",
    ),
    "a BERT of another make": (
        "early-fusion",
        replaced("layer_1/intermediate/kernel", lambda values: values[:-1]),
        "layer_1/intermediate/kernel has the shape (15, 48), which does not fit (48, 16)",
    ),
}  # fmt: skip


def refused(gazeshift: Command, file: Path, *options: object) -> str:
    """What the command says of a file that it cannot read."""
    out = file.parent / "out"
    code, printed, err = gazeshift("import-keras", file, "--out", out, *options)
    assert (code, printed) == (2, "")
    assert err.count("\n") == 1, err
    assert str(file) in err
    assert not out.exists()
    assert {each.name for each in file.parent.iterdir()} <= {file.name, "tokenizer"}, "nothing is left over"
    return err


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_named(
    models: dict[str, Kept], tokenizer: Path, tmp_path: Path, gazeshift: Command, damage: str
) -> None:
    name, change, message = DAMAGES[damage]
    file = tmp_path / "model.hdf5"
    shutil.copy(models[name].whole, file)
    with h5py.File(file, "r+") as opened:
        change(opened)
    assert message in refused(gazeshift, file, "--tokenizer", tokenizer)


def foreign(file: Path) -> None:
    with h5py.File(file, "w") as opened:
        opened["measurements/2020"] = np.zeros(3)


def newer(file: Path) -> None:
    """As Keras 3 saves weights by default."""
    with h5py.File(file, "w") as opened:
        opened["layers/dense/vars/0"] = np.zeros(3)


FOREIGN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no file": (lambda file: None, "there is no such file"),
    "a folder": (lambda file: file.mkdir(), "is a folder; name the file"),
    "empty": (lambda file: file.write_bytes(b""), "not an HDF5 file, or damaged (it is empty)"),
    "text": (lambda file: file.write_text("weights"), "not an HDF5 file, or damaged"),
    "zip": (lambda file: file.write_bytes(b"PK\x03\x04" + bytes(200)), "not an HDF5 file, or damaged"),
    "not of Keras": (foreign, "written by something else than Keras"),
    "of Keras 3": (newer, "in Keras 3's own format (.weights.h5)"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_another_file_is_named(tmp_path: Path, gazeshift: Command, kind: str) -> None:
    write, message = FOREIGN[kind]
    file = tmp_path / "model.hdf5"
    write(file)
    assert message in refused(gazeshift, file)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_half_a_download_is_named(models: dict[str, Kept], tmp_path: Path, gazeshift: Command, share: float) -> None:
    whole = models["image-only"].whole.read_bytes()
    file = tmp_path / "model.hdf5"
    file.write_bytes(whole[: int(share * len(whole))])
    assert "not an HDF5 file, or damaged" in refused(gazeshift, file)


def test_other_models_of_keras_are_named(released: Any, tmp_path: Path, gazeshift: Command) -> None:
    layers = released.layers
    inputs = layers.Input((8, 4))
    text = released.keras.Model(inputs, layers.Dense(3)(layers.LSTM(5)(inputs)))
    file = released.save_whole(text, tmp_path / "model.hdf5")
    assert "0 convolutions, 1 LSTMs, no BERT and 1 dense layers; image-only has 94, 0, no and 1" in refused(
        gazeshift, file
    )
    image = layers.Input((32, 32, 3))
    small = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image)))
    released.save_weights(released.keras.Model(image, small), file)
    assert "1 convolutions and 0 batch norms; InceptionV3 without its top has 94 of each" in refused(gazeshift, file)


def test_text_before_image_is_refused(released: Any, tokenizer: Path, tmp_path: Path, gazeshift: Command) -> None:
    pieces = len(json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"])
    file = released.save_whole(released.early_fusion(pieces, text_first=True), tmp_path / "model.hdf5")
    assert "concatenation begins with the text" in refused(gazeshift, file, "--tokenizer", tokenizer)


def test_wrong_options_are_named(models: dict[str, Kept], tokenizer: Path, tmp_path: Path, gazeshift: Command) -> None:
    names = tmp_path / "names.txt"

    def said(*options: object, name: str = "image-only") -> str:
        code, printed, err = gazeshift("import-keras", models[name].whole, "--out", tmp_path / "out", *options)
        assert (code, printed, err.count("\n")) == (2, "", 1)
        assert not (tmp_path / "out").exists()
        return err

    assert "there is no such file or folder" in said("--classes", names)
    names.write_text("a\nb\n", encoding="utf-8")
    assert "2 names of classes for a model with 7 outputs" in said("--classes", names)
    names.write_text("a\nb\na\n", encoding="utf-8")
    assert "has 'a' twice" in said("--classes", names)
    names.write_text("\n", encoding="utf-8")
    assert "has no names of classes" in said("--classes", names)
    names.write_bytes(b"\xff\xfe\x00")
    assert "not a text file" in said("--classes", names)
    assert "no tokenizer for" in said("--tokenizer", tmp_path / "none", name="early-fusion")
    assert "reads at most 40 tokens" in said("--max-tokens", 41, "--tokenizer", tokenizer, name="early-fusion")


def test_a_folder_with_something_in_it_is_not_replaced(
    models: dict[str, Kept], tmp_path: Path, gazeshift: Command
) -> None:
    (tmp_path / "kept.txt").write_text("mine", encoding="utf-8")
    code, _, err = gazeshift("import-keras", models["image-only"].whole, "--out", tmp_path)
    assert code == 2
    assert "is not empty" in err
    assert [each.name for each in tmp_path.iterdir()] == ["kept.txt"]


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gazeshift: Command) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "model.hdf5").write_bytes(b"")
    assert "pip install 'gazeshift[keras]'" in refused(gazeshift, tmp_path / "model.hdf5")
