"""Trainings in one and in several processes, run as a program: ``together.py FOLDER`` writes what became of each.

One program for all, because importing takes longer than training: the processes of each training are forks of this one. The
repository must be on the path.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from benchmarks.launching import start, wait
from tests.training.conftest import make_bert_model, make_model, make_split

import gazeshift.training.engine
import gazeshift.training.module  # noqa: F401
from gazeshift.models import Classifier
from gazeshift.training import Recipe, fit, recipe_of
from gazeshift.training.history import EpochRecord

QUIET = {"epochs": 2, "batch_size": 9, "optimizer": "sgd", "learning_rate": 0.005, "schedule": "constant"}
"""Four batches of nine and one of a single pair; few small steps, so that rounding is not magnified."""
RECIPES = {
    # Batch norm, dropout, clipping, a schedule that watches the loss, best weights, their average, augmentation.
    "cnn": recipe_of(
        "plates",
        {
            **QUIET,
            "schedule": "plateau",
            "keep": "best",
            "gradient_clip": 1.0,
            "augmentation": "flip-words",
            "ema": 0.6,
        },
    ),
    # Features computed once and shared; dropout in a net that is trained, some of whose weights are not used.
    "bert": recipe_of("adamw", {**QUIET, "text": "fine-tuned"}),
    "vit": recipe_of("plates", {**QUIET, "augmentation": "none"}),
}
MODELS: dict[str, Callable[[], Classifier]] = {
    "cnn": make_model,
    "bert": lambda: make_bert_model("huggingface"),
    "vit": lambda: make_model(trunk="test_vit"),
}


@dataclass(frozen=True)
class Case:
    """A training: what, in how many processes and parts, and what happens to it."""

    name: str
    kind: str
    ranks: int = 1
    parts: int = 1
    folder: str = ""
    resume: bool = False
    stop_after: int = 0  # epochs, in the first process
    poison: int = -1  # rank whose loss is not a number
    seed_of_last: int = 7
    batch_size: int = 9


CASES = [
    *[Case(f"{kind} alone", kind) for kind in RECIPES],
    *[Case(f"{kind} in two", kind, ranks=2) for kind in RECIPES],
    *[Case(f"{kind} in other batches", kind, batch_size=8) for kind in RECIPES],
    Case("cnn in three", "cnn", ranks=3),
    Case("bert in parts", "bert", parts=4),
    Case("vit in two, in parts", "vit", ranks=2, parts=3),
    Case("cut", "cnn", ranks=2, folder="cut", stop_after=1),
    Case("resumed alone", "cnn", folder="cut", resume=True),
    Case("poisoned", "cnn", ranks=2, poison=1),
    Case("other seed", "cnn", ranks=2, seed_of_last=8),
]


def work(case: Case, folder: Path) -> Callable[[int], None]:
    recipe: Recipe = RECIPES[case.kind].model_copy(update={"accumulate": case.parts, "batch_size": case.batch_size})

    def stop(record: EpochRecord) -> None:
        if record.epoch == case.stop_after:
            raise SystemExit(3)

    def train(rank: int) -> None:
        torch.set_num_threads(1)
        model = MODELS[case.kind]()
        if rank == case.poison:
            model.head.register_forward_hook(lambda net, given, logits: logits * float("nan"))
        seed = case.seed_of_last if rank == case.ranks - 1 else 7
        train, validation = make_split(37), make_split(11, "validation", seed=1)
        fitted = fit(model, train, validation, recipe, seed, folder, resume=case.resume, progress=False, on_epoch=stop)
        figures = [(r.train_loss, r.validation_loss, r.validation_accuracy) for r in fitted.history]
        torch.save({"weights": model.state_dict(), "figures": figures}, folder / f"{case.name}.{rank}.pt")

    return train


def main(place: Path) -> None:
    for case in CASES:
        folder = place / (case.folder or case.name)
        ended = wait(
            start(case.ranks, work(case, folder), place / f"said by {case.name}"), place / f"said by {case.name}", 120
        )
        torch.save([None if one is None else (one.code, one.said) for one in ended], place / f"{case.name}.ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
