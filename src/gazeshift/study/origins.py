"""Where the initial weights of a study's models come from: digests of files, names on a hub."""

from collections.abc import Mapping
from pathlib import Path

from gazeshift.study.config import StudyConfig
from gazeshift.study.steps import file_digest

Origins = Mapping[str, str | None]
"""Digests by where the study file names them: ``weights``, ``images.NAME.weights``, ``text_encoder``, ``texts.NAME.text_encoder``."""


def origins_of(study: StudyConfig) -> Origins:
    """Digests of the files with initial weights; a name on a hub is used as is."""
    return {
        "weights": _of_trunk(study.weights),
        **{f"images.{name}.weights": _of_trunk(side.weights) for name, side in study.images.items()},
        "text_encoder": origin_of_encoder(study.text_encoder),
        **{f"texts.{name}.text_encoder": origin_of_encoder(side.text_encoder) for name, side in study.texts.items()},
    }


def weights_origin(study: StudyConfig, model: str, origins: Origins) -> str | None:
    """That of a model's trunk."""
    named = study.models[model].image
    return origins["weights" if named is None else f"images.{named}.weights"]


def encoder_origin(study: StudyConfig, model: str, origins: Origins) -> str | None:
    """That of a model's text encoder."""
    named = study.models[model].text
    return origins["text_encoder" if named is None else f"texts.{named}.text_encoder"]


def _of_trunk(weights: str) -> str:
    return weights if weights in {"none", "hub"} else file_digest(Path(weights))


def origin_of_encoder(source: str | None) -> str | None:
    """Digest of a folder's files; a name on a hub as it is."""
    if not source or not Path(source).is_dir():
        return source
    files = sorted(
        path for path in Path(source).glob("*.*") if path.suffix in {".json", ".safetensors", ".txt", ".model"}
    )
    return " ".join(file_digest(path) for path in files)
