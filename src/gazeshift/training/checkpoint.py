"""Checkpoints to resume a training from; those of a different training are refused."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gazeshift.errors import TrainingError
from gazeshift.models import Classifier, digest
from gazeshift.training.recipe import Recipe
from gazeshift.training.split import Split


def identity_of(model: Classifier, train: Split, validation: Split, recipe: Recipe, seed: int) -> dict[str, str]:
    """The identity of a training: everything that its weights depend on, except the machine."""
    return {
        "recipe": recipe.model_dump_json(exclude={"accumulate"}),
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
        weights: everything that training can change, after the last epoch.
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
        known, epochs = checkpoint["gazeshift"]["identity"], len(checkpoint["gazeshift"]["history"])
        weights = {name.removeprefix("model."): value for name, value in checkpoint["state_dict"].items()}
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, AttributeError, pickle.UnpicklingError):
        raise TrainingError(
            f"{path} is not a checkpoint that training can resume from; delete it or train without resume."
        ) from None
    differs = [name for name, value in identity.items() if known.get(name) != value]
    if differs:
        changed = _changed(known.get("recipe"), identity["recipe"]) if "recipe" in differs else ""
        raise TrainingError(
            f"{path} belongs to a different training (different {', '.join(differs)}{changed}); train without resume or in another folder."
        )
    return Checkpoint(epochs, weights)


def _changed(before: str | None, now: str) -> str:
    """The recipe's fields that differ, with both values."""
    old, new = json.loads(before or "{}"), json.loads(now)
    return ": " + ", ".join(
        f"{name} {old.get(name)} -> {value}" for name, value in new.items() if old.get(name) != value
    )
