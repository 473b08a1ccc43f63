"""Several processes train the model that one process trains."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gazeshift.errors import UsageError
from gazeshift.training.ranks import Ranks, added, first_alone, from_first, gathered, joined, wait

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # two dozen trainings, and two imports of Lightning
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOLD = {
    "RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "a",
    "MASTER_PORT": "1",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where together.py left what became of its trainings."""
    folder = tmp_path_factory.mktemp("together")
    done = subprocess.run(
        [sys.executable, HERE / "together.py", folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=560,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def ended(place: Path, name: str) -> list[tuple[int, str]]:
    return torch.load(place / f"{name}.ended", weights_only=True)


def found(place: Path, name: str, rank: int = 0, folder: str = "") -> dict[str, Any]:
    assert {code for code, _ in ended(place, name)} == {0}, ended(place, name)
    return torch.load(place / (folder or name) / f"{name}.{rank}.pt", weights_only=True)


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Of all weights and buffers together, relative to their norm."""
    apart = sum(float((one[name].double() - other[name].double()).square().sum()) for name in one)
    return (apart / sum(float(value.double().square().sum()) for value in one.values())) ** 0.5


@pytest.mark.parametrize(
    ("name", "kind", "folder"),
    [
        ("cnn in two", "cnn", ""),
        ("cnn in three", "cnn", ""),
        ("bert in two", "bert", ""),
        ("bert in parts", "bert", ""),
        ("vit in two", "vit", ""),
        ("vit in two, in parts", "vit", ""),
        ("resumed alone", "cnn", "cut"),
    ],
)
def test_the_weights_are_those_of_one_process(place: Path, name: str, kind: str, folder: str) -> None:
    """Up to rounding: sums are taken in another order. A wrong share, mean or dropout would go as far as other batches do."""
    alone, together = found(place, f"{kind} alone"), found(place, name, folder=folder)
    other = found(place, f"{kind} in other batches")
    assert distance(alone["weights"], together["weights"]) < distance(alone["weights"], other["weights"]) / 50
    for mine, theirs in zip(alone["figures"], together["figures"], strict=True):
        assert theirs == pytest.approx(mine, rel=1e-4)


def test_all_processes_hold_the_same_weights(place: Path) -> None:
    first, other = found(place, "cnn in two", 0), found(place, "cnn in two", 1)
    assert all(torch.equal(value, other["weights"][name]) for name, value in first["weights"].items())
    assert first["figures"] == other["figures"]


def test_the_first_writes_the_files_of_a_single_process(place: Path) -> None:
    names = {"last.ckpt", "metrics.csv", "tensorboard"}
    for name in ("cnn alone", "cnn in two"):
        assert {path.name for path in (place / name).iterdir()} - {f"{name}.{rank}.pt" for rank in (0, 1)} == names
    lines = [(place / name / "metrics.csv").read_text().count("\n") for name in ("cnn alone", "cnn in two")]
    assert lines == [3, 3]


def test_when_one_ends_so_do_the_others(place: Path) -> None:
    (code, _), (other, said) = ended(place, "cut")
    assert code != 0
    assert (other, said.count("\n")) == (1, 1)
    assert said.startswith("training stopped: another of the 2 processes ended")
    assert "resume" in said


def test_a_loss_that_is_no_number_in_one_stops_all_alike(place: Path) -> None:
    (first, said), (second, other) = ended(place, "poisoned")
    assert (first, second) == (1, 1)
    assert said == other
    assert said.startswith("training stopped: the loss is nan in epoch 1, step 1")


def test_different_trainings_are_not_mixed(place: Path) -> None:
    for code, said in ended(place, "other seed"):
        assert (code, said.count("\n")) == (1, 1)
        assert "process 1 has a different seed than process 0" in said


def test_killed_and_resumed() -> None:
    """One kill; ``benchmarks/kill_training.py`` does twenty."""
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "kill_training.py", "--kills", "1", "--hangs", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kills, 0 hangs of 2 processes: 0 not as they should" in done.stdout


def test_a_single_process_has_nobody_to_meet() -> None:
    with joined() as here, first_alone():
        wait()
        assert here == Ranks()
        assert (from_first(lambda: 3), gathered(4), added(torch.ones(2)).tolist()) == (3, [4], [1, 1])


def test_what_the_environment_says() -> None:
    assert Ranks.told(TOLD) == Ranks(1, 4, 1, 2)
    assert Ranks.told({name: value for name, value in TOLD.items() if name != "MASTER_PORT"}) == Ranks()
    assert Ranks.told({**TOLD, "TORCHELASTIC_RESTART_COUNT": "1"}).restarted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RANK": "4"}, "ranks count from 0"),
        ({"WORLD_SIZE": "3"}, "start as many on every machine"),
        ({"RANK": "first"}, "RANK=first: is not a whole number"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Ranks.told({**TOLD, **change})
