"""Checkpoints to resume a training from; those of a different training are refused."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gazeshift.errors import TrainingError
from gazeshift.json_types import Json
from gazeshift.models import Classifier, digest
from gazeshift.training.recipe import Recipe
from gazeshift.training.split import Split


def identity_of(model: Classifier, train: Split, validation: Split, recipe: Recipe, seed: int) -> dict[str, str]:
    """The identity of a training: everything that its weights depend on, except the machine."""
    return {
        "recipe": json.dumps(recipe.deciding()),
        "seed": str(seed),
        "initial model": digest(model),
        "training pairs": train.fingerprint(),
        "validation pairs": validation.fingerprint(),
    }


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The progress of a training.

    Attributes:
        epochs: finished ones.
        weights: everything that training can change, after the last epoch; their average, if the recipe asks for one.
    """

    epochs: int
    weights: dict[str, Tensor]


def read_checkpoint(path: Path, identity: dict[str, str]) -> Checkpoint:
    """Read a checkpoint of this same training, with ``weights_only``.

    Raises:
        TrainingError: it cannot be read, or belongs to a different training; names what differs.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        own = checkpoint["gazeshift"]
        known, epochs = own["identity"], len(own["history"])
        last = {name.removeprefix("model."): value for name, value in checkpoint["state_dict"].items()}
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, AttributeError, pickle.UnpicklingError):
        raise TrainingError(
            f"{path} is not a checkpoint that training can resume from; delete it or train without resume."
        ) from None
    known = {**known, "recipe": _as_now(known.get("recipe"), own["schedule"])}
    differs = [name for name, value in identity.items() if known.get(name) != value]
    if differs:
        changed = _changed(known.get("recipe"), identity["recipe"]) if "recipe" in differs else ""
        raise TrainingError(
            f"{path} belongs to a different training (different {', '.join(differs)}{changed}); train without resume or in another folder."
        )
    return Checkpoint(epochs, own.get("average", last))


def _as_now(recipe: str | None, schedule: Json) -> str | None:
    """A recipe as ``identity_of`` writes it today; that of a checkpoint from before there was some choice does not name it."""
    try:
        values = Recipe(**json.loads(recipe or "")).deciding()
    except (TypeError, ValueError):
        return recipe
    if schedule.get("mode") == "min":  # until 0.2
        values["schedule"] = "plateau of the loss"
    return json.dumps(values)


def _changed(before: str | None, now: str) -> str:
    """The recipe's fields that differ, with both values."""
    old, new = json.loads(before or "{}"), json.loads(now)
    return ": " + ", ".join(
        f"{name} {old.get(name)} -> {new.get(name)}" for name in {**old, **new} if old.get(name) != new.get(name)
    )
