"""A training that was stopped and resumed ends as one that was not."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gazeshift.errors import TrainingError
from gazeshift.models import Classifier
from gazeshift.training import Recipe, Split, fit, recipe_of
from gazeshift.training.history import EpochRecord

pytestmark = pytest.mark.slow

SMALL = {"epochs": 4, "batch_size": 8, "learning_rate": 0.002}
# Dropout, momentum, a schedule that watches the loss, text-and-image augmentation, batch norm, best weights: all state there is.
PLATEAU = recipe_of(
    "plates",
    {**SMALL, "optimizer": "sgd", "schedule": "plateau", "keep": "best", "learning_rate": 0.05, "gradient_clip": 1.0},
)
ONE_CYCLE = recipe_of("plates", SMALL)
FROZEN = recipe_of("adamw", {**SMALL, "precision": "bfloat16"})
GALLO = recipe_of("plates", {**SMALL, "augmentation": "gallo", "schedule": "constant", "optimizer": "adam"})
AVERAGED = recipe_of("plates", {**SMALL, "schedule": "warm-cosine", "ema": 0.9, "augmentation": "crop"})


class _Interrupt:
    """Ctrl-C in the middle of a step: at the n-th call of the head."""

    def __init__(self, model: Classifier, call: int) -> None:
        self.calls, self.last = 0, call
        model.head.register_forward_pre_hook(self)

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.calls == self.last:
            raise KeyboardInterrupt


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def same_weights(one: Classifier, other: Classifier) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize(
    "recipe",
    [PLATEAU, ONE_CYCLE, FROZEN, GALLO, AVERAGED, AVERAGED.model_copy(update={"keep": "best"})],
    ids=["plateau", "one-cycle", "frozen", "gallo", "averaged", "averaged, best"],
)
def test_interrupted_in_the_middle_of_an_epoch(
    build, train: Split, validation: Split, tmp_path: Path, recipe: Recipe
) -> None:
    whole, stopped, resumed = build(), build(), build()
    expected = fit(whole, train, validation, recipe, 7, tmp_path / "whole", progress=False)

    _Interrupt(stopped, call=15)  # five steps and one validation batch an epoch: in the third epoch
    ctrl_c = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, train, validation, recipe, 7, tmp_path / "cut", progress=False)
    assert signal.getsignal(signal.SIGINT) is ctrl_c
    seen: list[int] = []
    fitted = fit(
        resumed,
        train,
        validation,
        recipe,
        7,
        tmp_path / "cut",
        resume=True,
        progress=False,
        on_epoch=lambda record: seen.append(record.epoch),
    )

    assert seen == [3, 4]
    assert same_weights(resumed, whole)
    assert [figures(record) for record in fitted.history] == [figures(record) for record in expected.history]
    assert (fitted.best_epoch, fitted.validation_accuracy) == (expected.best_epoch, expected.validation_accuracy)


def figures(record: EpochRecord) -> tuple[float, ...]:
    return record.epoch, record.train_loss, record.validation_loss, record.validation_accuracy, record.learning_rate


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
torch.backends.cudnn.allow_tf32 = False
from conftest import make_model, make_split
from gazeshift.training import fit, recipe_of

def kill(record):
    if record.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)

fit(make_model(), make_split(37), make_split(11, "validation", seed=1), recipe_of("plates", {"epochs": 3, "batch_size": 8}), 7,
    Path(sys.argv[2]), workers=2, progress=False, on_epoch=kill)
"""


def test_killed_with_two_workers(build, train: Split, validation: Split, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    said = tmp_path / "said.txt"
    with said.open("w") as file:  # not a pipe: the orphaned workers would hold it open until they notice
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, here, str(tmp_path / "cut")], stdout=file, stderr=file, check=False
        )
    assert said.read_text() == ""  # nothing of Lightning's chatter
    assert killed.returncode == -signal.SIGKILL

    recipe = recipe_of("plates", {"epochs": 3, "batch_size": 8})
    whole, resumed = build(), build()
    fit(whole, train, validation, recipe, 7, tmp_path / "whole", progress=False)
    fitted = fit(resumed, train, validation, recipe, 7, tmp_path / "cut", resume=True, workers=2, progress=False)
    assert fitted.epochs == 3
    assert same_weights(resumed, whole)


@pytest.mark.parametrize("recipe", [PLATEAU, AVERAGED], ids=["plateau", "averaged"])
def test_a_finished_training_is_not_repeated(
    build, train: Split, validation: Split, tmp_path: Path, recipe: Recipe
) -> None:
    first, again = build(), build()
    done = fit(first, train, validation, recipe, 0, tmp_path, progress=False)
    seen: list[EpochRecord] = []
    assert fit(again, train, validation, recipe, 0, tmp_path, resume=True, progress=False, on_epoch=seen.append) == done
    assert seen == []
    assert same_weights(first, again)


def test_resume_without_a_checkpoint_starts(build, train: Split, validation: Split, tmp_path: Path) -> None:
    assert fit(build(), train, validation, ONE_CYCLE, 0, tmp_path, resume=True, progress=False).epochs == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"recipe": ONE_CYCLE.model_copy(update={"learning_rate": 0.5})}, "recipe: learning_rate 0.002 -> 0.5"),
        ({"seed": 1}, "seed"),
        ({"train": "other"}, "training pairs"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    build, train: Split, validation: Split, tmp_path: Path, change: dict, named: str
) -> None:
    one = ONE_CYCLE.model_copy(update={"epochs": 1})
    other = {"recipe": one, "seed": 0, **change}
    if "train" in change:
        images = train.images.copy()
        images[:, :, 10:20] //= 2
        other["train"] = Split(train.keys, train.texts, train.labels, images)
    if "recipe" in change:
        other["recipe"] = change["recipe"].model_copy(update={"epochs": 1})
    fit(build(), train, validation, one, 0, tmp_path, progress=False)
    with pytest.raises(TrainingError, match="belongs to a different training") as caught:
        fit(
            build(),
            other.get("train", train),
            validation,
            other["recipe"],
            other["seed"],
            tmp_path,
            resume=True,
            progress=False,
        )
    assert named in str(caught.value)


def test_a_damaged_checkpoint_is_named(build, train: Split, validation: Split, tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"half a file")
    with pytest.raises(TrainingError, match=r"last\.ckpt is not a checkpoint"):
        fit(build(), train, validation, ONE_CYCLE, 0, tmp_path, resume=True, progress=False)
    assert names(tmp_path) == ["last.ckpt"]


def test_files_are_whole_and_named(build, train: Split, validation: Split, tmp_path: Path) -> None:
    fitted = fit(build(), train, validation, ONE_CYCLE, 0, tmp_path, progress=False)
    assert names(tmp_path) == ["last.ckpt", "metrics.csv", "tensorboard"]
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert rows[0] == "epoch,train_loss,validation_loss,validation_accuracy,learning_rate,seconds"
    assert [float(row.split(",")[1]) for row in rows[1:]] == [record.train_loss for record in fitted.history]
    assert any(name.startswith("events.out.tfevents") for name in names(tmp_path / "tensorboard"))


@pytest.mark.parametrize("row", [0, -1])
def test_one_other_pixel_anywhere_is_other_training_data(train: Split, row: int) -> None:
    images = np.array(train.images)
    images[row, 2, 0, 0] ^= 1
    changed = Split(train.keys, train.texts, train.labels, images)
    assert changed.fingerprint() != train.fingerprint()
    assert Split(train.keys, train.texts, train.labels, np.array(train.images)).fingerprint() == train.fingerprint()
