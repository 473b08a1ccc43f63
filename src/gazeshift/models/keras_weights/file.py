"""Keras's older HDF5 files, whole models or weights alone: their layers' weights in Keras's own order, and the architecture if it is there.

Read with h5py, the extra ``keras``; neither Keras nor TensorFlow is needed, and nothing in a file is run.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gazeshift.errors import ModelError, shown
from gazeshift.json_types import Json
from gazeshift.models.reason import reason

_DAMAGES = (OSError, KeyError, RuntimeError, TypeError, ValueError)
"""What h5py raises where a file's structure leads nowhere."""

_SUFFIX = re.compile(r"(_\d+)?(:\d+)?$")


@dataclass(frozen=True)
class Weight:
    """One weight in an open file.

    Attributes:
        name: the layer of the whole model that it belongs to, then its own name there, with slashes.
        data: where it lies, an ``h5py.Dataset``.
        shape: its own, in Keras's order of axes.
        real: whether it is made of real numbers, not of integers or words.
    """

    name: str
    data: Any
    shape: tuple[int, ...]
    real: bool

    @property
    def layer(self) -> str:
        """The innermost layer's name, with those around it."""
        return self.name.rpartition("/")[0]

    @property
    def kind(self) -> str:
        """What it is in its layer: ``kernel``, ``bias``, ``beta`` ..."""
        return _SUFFIX.sub("", self.name.rpartition("/")[2])

    def put(self, into: Tensor, arrange: Callable[[Tensor], Tensor]) -> None:
        """Copy it into a tensor.

        Args:
            into: a weight of ours.
            arrange: from Keras's order of axes to ours.

        Raises:
            ModelError: it has another shape, is not finite, is not stored in this file, or cannot be read.
        """
        try:
            wanted = arrange(torch.empty(self.shape, device="meta")).shape
        except (RuntimeError, IndexError):
            wanted = None
        if wanted != into.shape:
            raise ModelError(f"{self.name} has the shape {self.shape}, which does not fit {tuple(into.shape)} here.")
        try:
            elsewhere = self.data.external or self.data.is_virtual
            found = None if elsewhere else arrange(torch.from_numpy(self.data[()].astype("float32")))
        except _DAMAGES as error:
            raise ModelError(f"{self.name} cannot be read ({reason(error)}); the file is damaged.") from error
        if found is None:
            raise ModelError(f"{self.name} is not in the file itself but refers to another one, which is not read.")
        if not found.isfinite().all():
            raise ModelError(f"{self.name} holds numbers that are not finite.")
        with torch.no_grad():
            into.copy_(found)


Layer = dict[str, Weight]
"""Weights of one layer by kind."""


@dataclass(frozen=True)
class KerasFile:
    """An open file.

    Attributes:
        layers: those with weights by name, in Keras's order: ``functional/conv2d`` lies within ``functional``.
        architecture: the model's configuration; None in a file of weights alone.
        version: of Keras, as far as the file tells.
    """

    layers: dict[str, Layer]
    architecture: Json | None
    version: str


@contextlib.contextmanager
def opened(path: Path) -> Iterator[KerasFile]:
    """Open a file and find its weights, which are read one by one in the block.

    Raises:
        ModelError: h5py is not installed, or this is no HDF5 file, a damaged one, or one that Keras did not write.
    """
    try:
        import h5py  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ModelError(f"{path} is an HDF5 file of Keras: pip install 'gazeshift[keras]'.") from error
    if not path.is_file():
        raise ModelError(f"{path}: {'is a folder; name the file' if path.is_dir() else 'there is no such file'}.")
    if not path.stat().st_size:
        raise ModelError(f"{path}: not an HDF5 file, or damaged (it is empty); download it again.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(f"{path}: not an HDF5 file, or damaged ({reason(error)}).") from error
    with file:
        try:
            found = KerasFile(_layers(file), _architecture(file), _text(file.attrs.get("keras_version", "unknown")))
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error
        except _DAMAGES as error:
            raise ModelError(f"{path}: damaged ({reason(error)}).") from error
        try:
            yield found
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error


def _layers(file: Any) -> dict[str, Layer]:
    root = _inside(file, "model_weights") if "model_weights" in file else file
    layers: dict[str, Layer] = {}
    names = _listed(root, "layer_names")
    if not names:
        written = "in Keras 3's own format (.weights.h5)" if "layers" in file else "by something else than Keras"
        raise ModelError(
            f"it was written {written}: it names no layers. Save the model as FILE.hdf5 with model.save, or its weights with Keras 2."
        )
    for top in names:
        group = _inside(root, top)
        for name in _listed(group, "weight_names"):
            data = _inside(group, name)
            weight = Weight(f"{top}/{name}", data, tuple(data.shape), data.dtype.kind == "f")
            if data.nbytes > file.id.get_filesize():  # Keras compresses nothing
                raise ModelError(f"{weight.name} is said to be larger than the file; it is damaged.")
            known = layers.setdefault(weight.layer, {}).setdefault(weight.kind, weight)
            if known is not weight and weight.shape:
                raise ModelError(f"{weight.layer} has two weights called {weight.kind}.")
    return layers


def _listed(group: Any, name: str) -> list[str]:
    """A list of names among a group's attributes; Keras divides long ones."""
    parts = [group.attrs[key] for key in (name, *_numbered(group, name)) if key in group.attrs]
    return [_text(each) for part in parts for each in part]


def _numbered(group: Any, name: str) -> list[str]:
    numbered = [key for key in group.attrs if re.fullmatch(rf"{name}\d+", key)]
    return sorted(numbered, key=lambda key: int(key.removeprefix(name)))


def _inside(group: Any, name: str) -> Any:
    """What lies under a name in the file itself: links, which may lead to other files, are not followed."""
    for part in name.split("/"):
        if type(group.get(part, getlink=True)).__name__ != "HardLink":
            raise ModelError(f"{shown(name)} is missing in it, or only a link.")
        group = group[part]
    return group


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _architecture(file: Any) -> Json | None:
    if "model_config" not in file.attrs:
        return None
    try:
        found = json.loads(_text(file.attrs["model_config"]))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"its architecture is not JSON ({reason(error)}).") from error
    if not isinstance(found, dict):
        raise ModelError("its architecture is not a JSON object.")
    return found
