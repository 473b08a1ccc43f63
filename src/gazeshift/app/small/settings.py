"""The study file of a small study: given models and, if wanted, two small ones that are trained on the dropped pairs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gazeshift.app.small.asked import StartSmall
from gazeshift.json_types import Json
from gazeshift.models.addresses import Address

TRAINED = {"trained-image-only": {"kind": "image-only"}, "trained-early-fusion": {"kind": "early-fusion"}}
"""What is trained: the text of the second can do what the first cannot."""

TRAINING: Json = {
    "preprocessing": {"size": 96, "crop_fraction": 1.0},
    "image": {"name": "small_cnn"},
    "text": {"encoder": "transformer", "width": 32, "layers": 1, "heads": 2, "max_tokens": 32, "vocabulary": 500},
    "head": {"image_width": 32, "hidden": 64},
    "training": {"epochs": 10, "batch_size": 16},
}
"""A trunk that starts from nothing: no download, seconds an epoch."""


@dataclass(frozen=True)
class Studied:
    """A model of the page that can be studied.

    Attributes:
        address: where it was opened from.
        reads: whether it reads text.
    """

    address: Address
    reads: bool


def study_settings(asked: StartSmall, models: Mapping[str, Studied], table: Path) -> Json:
    """The contents of the study file.

    Args:
        asked: what to study; its models are names of ``models``.
        models: of the page.
        table: of the pairs.
    """
    names = study_names(asked.models)
    given = {names[name]: _given(models[name]) for name in asked.models}
    return {
        "title": "A small study",
        "data": {"root": str(table), "format": "table", "cache_limit": 1},
        "models": {**given, **(TRAINED if asked.train else {})},
        "explain": {"edits": list(asked.edits), "images": asked.pictures},
        **(TRAINING if asked.train else {}),
    }


def study_names(names: Iterable[str]) -> dict[str, str]:
    """Names that a study allows (they name folders) for the page's names; numbered where two would be alike.

    Example:
        >>> study_names(["early-fusion (1)", "early-fusion (2)", "モデル"])
        {'early-fusion (1)': 'early-fusion-1', 'early-fusion (2)': 'early-fusion-2', 'モデル': 'model'}
    """
    found: dict[str, str] = {}
    for name in names:
        bare = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:80] or "model"
        taken = {*found.values(), *TRAINED}
        found[name] = next(
            each for each in (bare, *(f"{bare}-{n}" for n in range(2, len(found) + 4))) if each not in taken
        )
    return found


def _given(model: Studied) -> Json:
    question = model.address.question
    asked: Json = {"as": question.as_, "classes": list(question.classes) or None, "prompt": question.prompt}
    own = {key: value for key, value in asked.items() if value}
    if question.trust_remote_code:
        own["trust_remote_code"] = True
    return {"from": model.address.at, **own, **({} if model.reads else {"reads_text": False})}
