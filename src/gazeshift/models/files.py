"""A saved model: a folder with ``config.json``, ``model.safetensors`` and the tokenizer's files. Loading runs no code from it.

A study's models have the weights that their training froze in ``frozen.safetensors``, which they share (``gazeshift.models.shelf``).
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from safetensors.torch import save_file

from gazeshift.atomic import atomic_folder, atomic_write, write_json
from gazeshift.errors import ConfigError, GazeshiftError, ModelError
from gazeshift.json_types import Json
from gazeshift.models.build import build_shell
from gazeshift.models.classifier import Classifier
from gazeshift.models.origin import Origin
from gazeshift.models.reason import reason
from gazeshift.models.shelf import Shelf, lend
from gazeshift.models.spec import ModelSpec
from gazeshift.models.weights import read_weights

FORMAT = "gazeshift-model-1"
CONFIG, WEIGHTS, FROZEN, TOKENIZER = "config.json", "model.safetensors", "frozen.safetensors", "tokenizer"
"""What a model folder holds."""
_VERSIONED = ("gazeshift", "torch", "timm", "transformers", "tokenizers", "safetensors")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a model's numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}}


def save(
    model: Classifier,
    folder: Path,
    data: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    shelf: Shelf | None = None,
) -> None:
    """Write a model folder, whole or not at all.

    An earlier model there is never lost: a crash between the last two steps leaves it as ``NAME.retired``.

    Args:
        model: the classifier, saved with its classes and preprocessing.
        folder: the model folder; an existing model is replaced.
        data: what it was trained on: format, fingerprint, options that change texts; None: what its ``origin`` says.
        training: how it was trained: recipe, seed, epochs; None: what its ``origin`` says.
        shelf: weights that it shares with other models, and where those are kept; None: all weights in one file of its own.

    Raises:
        DataError: it cannot be written, for example because the disk is full.
    """
    known = model.origin
    origin = Origin(known.data if data is None else data, known.training if training is None else training)
    with atomic_folder(folder, replace=True) as unfinished:
        write_model(model, unfinished, origin, shelf)


def write_model(model: Classifier, folder: Path, origin: Origin, shelf: Shelf | None = None) -> None:
    """Write a model's files into a folder that is there."""
    state = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    shared = {} if shelf is None else {name: state.pop(name) for name in sorted(shelf.names)}
    config = {
        "format": FORMAT,
        "weights": [WEIGHTS, *([FROZEN] if shared else [])],
        "spec": TypeAdapter(ModelSpec).dump_python(model.spec, mode="json"),
        "data": dict(origin.data),
        "training": dict(origin.training),
        "versions": versions(),
    }
    with atomic_write(folder / WEIGHTS) as weights:
        save_file(state, weights, metadata={"format": "pt"})
    if shelf is not None and shared:
        lend(shared, shelf.folder, folder / FROZEN)
    if model.tokenizer is not None:
        model.tokenizer.save(folder / TOKENIZER)
    write_json(folder / CONFIG, config, indent=2)


def read_config(folder: Path) -> Json:
    """The ``config.json`` of a model folder.

    Raises:
        ModelError: not a model folder, or one with a different format.
    """
    path = Path(folder) / CONFIG
    if not path.is_file():
        inside = (
            path for pattern in ("*", "*/*", "*/*/*") for path in sorted(Path(folder).glob(f"{pattern}/config.json"))
        )
        nearest = next((path.parent for path in inside), None)
        way_out = "" if nearest is None else f"; did you mean {nearest}?"
        raise ModelError(f"{folder} is not a saved model: it has no config.json{way_out or '.'}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not JSON: {error}.") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelError(f"{path} is not a gazeshift model of format {FORMAT!r}.")
    return config


def load(folder: str | Path) -> Classifier:
    """Load a saved model, in evaluation mode, on the CPU. Reads JSON and safetensors only.

    Raises:
        ModelError: the folder is not a model, is incomplete, or its weights do not fit.
    """
    folder = Path(folder)
    config = read_config(folder)
    try:
        spec = TypeAdapter(ModelSpec).validate_python(config["spec"])
    except (KeyError, ValidationError, ConfigError) as error:
        raise ModelError(f"{folder / 'config.json'}: the model's spec is damaged ({_what(error)}).") from error
    try:
        model = build_shell(spec, folder / TOKENIZER)
    except GazeshiftError as error:
        raise ModelError(f"{folder}: {error}") from error
    files = _weights(folder, config)
    try:
        model.load_state_dict(
            {name: value for file in files for name, value in read_weights(file).items()}, strict=True
        )
    except RuntimeError as error:
        which = " and ".join(file.name for file in files)
        raise ModelError(f"{folder}: {which} and config.json do not fit together: {reason(error)}.") from error
    model.origin = Origin(
        *(said if isinstance(said := config.get(part), dict) else {} for part in ("data", "training"))
    )
    return model.eval()


def weights_digest(folder: Path) -> str:
    """sha256 of the bytes of a saved model's weights.

    Raises:
        ModelError: as ``read_config``, or weights are missing.
    """
    sha = hashlib.sha256()
    for path in _weights(folder, read_config(folder)):
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: sha)  # one file after the other
    return sha.hexdigest()


def _weights(folder: Path, config: Json) -> list[Path]:
    """The files of a model's weights; a configuration that names none is from before they could be two."""
    named = config.get("weights", [WEIGHTS])
    if named not in ([WEIGHTS], [WEIGHTS, FROZEN]):
        raise ModelError(f"{folder / CONFIG}: weights must be {WEIGHTS}, or {WEIGHTS} and {FROZEN}, not {named}.")
    for name in named:
        if not (folder / name).is_file():
            raise ModelError(f"{folder} has no {name}.")
    return [folder / name for name in named]


def _what(error: Exception) -> str:
    """Which key of the spec is wrong, and how."""
    if isinstance(error, KeyError):
        return f"the key {error.args[0]!r} is missing"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return reason(error)
