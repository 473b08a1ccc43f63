"""From a YAML file and ``--set`` values to a checked study; every error is one line that names key and file."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from gazeshift.atomic import atomic_write
from gazeshift.data.addresses import as_root
from gazeshift.data.plates import PlatesConfig
from gazeshift.data.shards import is_shards
from gazeshift.edits import LEXICON_EDITS, find_lexicon
from gazeshift.errors import ConfigError, ModelError, UsageError
from gazeshift.evaluation.modifiers import NEEDED
from gazeshift.json_types import Json
from gazeshift.models.image import check_name
from gazeshift.study.config import StudyConfig
from gazeshift.yaml_text import check_keys, read_yaml


def read_study(path: Path, settings: Sequence[str] = ()) -> StudyConfig:
    """Read a study file.

    Args:
        path: YAML.
        settings: ``key=value`` each, the key dotted (``data.root=DIR``), the value YAML; they override the file.

    Raises:
        ConfigError: anything unknown, missing or out of range; one line with the key and the file.
    """
    values = _read_yaml(path)
    for setting in settings:
        _apply(values, setting)
    try:
        study = StudyConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_one_line(error, path)) from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    _check_before_work(study, path)
    return study


def write_study(study: StudyConfig, path: Path) -> None:
    """Write the resolved study, with all defaults filled in."""
    text = yaml.safe_dump(study.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True, width=120)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return  # a finished run may lie on a read-only disk
    with atomic_write(path, parents=True) as file:
        file.write_text(text, encoding="utf-8")


def _read_yaml(path: Path) -> Json:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ConfigError(f"{path}: no such study file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from error
    values = read_yaml(text, str(path))
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a study file must be a mapping of keys to values.")
    return values


def _apply(values: Json, setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {setting}: write it as key=value, for example --set data.root=DIR.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text  # a Windows path or another text that is no YAML is meant as it stands
    else:
        check_keys(text, f"--set {key.strip()}")
    *parents, last = key.strip().split(".")
    for name in parents:
        inner = values.setdefault(name, {})
        if inner is None:
            inner = values[name] = {}
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {setting}: {name!r} holds a value, not keys.")
        values = inner
    values[last] = value


def _one_line(error: ValidationError, path: Path) -> str:
    first, *rest = error.errors()
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "extra_forbidden":
        message = "unknown key"
    elif first["type"] == "missing":
        message = "this key is missing"
    elif first["type"] == "tuple_type":
        message = f"give a list, for example [{first['input']}]"
    elif first["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        message = f"give keys under it, not {first['input']!r}"
    elif first["type"] not in {"value_error"}:
        message = f"{message}, not {first['input']!r}"
    more = f" ({len(rest)} more)" if rest else ""
    return f"{path}: {key + ': ' if key else ''}{message}.{more}"


def _check_before_work(study: StudyConfig, path: Path) -> None:
    """Check before any work what the study will need later: files, settings of Plates, the image model's name."""
    try:
        if study.data.plates is not None:
            PlatesConfig.from_dict(study.data.plates)
    except UsageError as error:
        raise ConfigError(f"{path}: data.{error}") from error  # the message begins with "plates:"
    try:
        lexicon = find_lexicon(study.explain.lexicon)
        for kind in NEEDED if study.explain.modifiers else ():
            lexicon.words(kind)
        for edit in study.explain.edits:
            if edit in LEXICON_EDITS:  # it takes its words from the kind of its name
                lexicon.words(edit)
    except ConfigError as error:
        raise ConfigError(f"{path}: explain.lexicon: {error}") from error
    root = None if study.data.root is None else as_root(study.data.root)
    if isinstance(root, Path) and not root.exists() and not is_shards(root):  # an address is tried when it is opened
        raise ConfigError(f"{path}: data.root: no folder or file {study.data.root}.")
    _check_sides(study, path)


def _check_sides(study: StudyConfig, path: Path) -> None:
    """Check names of image trunks, and whether files of weights and folders of encoders are there."""
    nets = {"image": study.image} | {f"images.{name}.image": side.image for name, side in study.images.items()}
    for key, net in nets.items():
        try:
            check_name(net.name)
        except ModelError as error:
            raise ConfigError(f"{path}: {key}.name: {error}") from error
    weights = {"weights": study.weights}
    weights |= {f"images.{name}.weights": side.weights for name, side in study.images.items()}
    for key, file in weights.items():
        if file not in {"none", "hub"} and not Path(file).is_file():
            raise ConfigError(f"{path}: {key}: no file {file}; give none, hub or a .safetensors file.")
    encoders = {"text_encoder": study.text_encoder}
    encoders |= {f"texts.{name}.text_encoder": side.text_encoder for name, side in study.texts.items()}
    for key, folder in encoders.items():
        if folder and _looks_local(folder) and not Path(folder).is_dir():
            raise ConfigError(f"{path}: {key}: no folder {folder}.")


def _looks_local(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1
