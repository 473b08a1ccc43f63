import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gazeshift.cli.main import run
from gazeshift.runs.record import Step
from gazeshift.study.load import read_study
from gazeshift.study.run import run_study

collect_ignore = ["interrupted.py"]  # a program that tests run, and no module of tests
Command = Callable[..., tuple[int, str, str]]
TINY = {
    "title": "tiny",
    "data": {"plates": {"size": 48, "train": 96, "test": 20, "n_dishes": 4}, "validation": 0.2, "workers": 1},
    "preprocessing": {"size": 48, "crop_fraction": 1.0},
    "image": {"name": "small_cnn"},
    "text": {"encoder": "transformer", "width": 16, "layers": 1, "heads": 2, "vocabulary": 200},
    "head": {"image_width": 0, "hidden": 16},
    "recipe": "plates",
    "training": {"epochs": 1, "batch_size": 16},
    "models": {"image-only": None, "text-only": None, "early-linear": None, "early-fusion": None},
    "seeds": [0, 1],
    "explain": {"edits": ["paraphrase", "paper-colour", "paper-position", "other-object"], "samples": 2},
}


def write_yaml(folder: Path, **changes: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False), encoding="utf-8")
    return path


def run_tiny(folder: Path, run: Path, **changes: object) -> dict[str, str]:
    """Run the tiny study and tell what became of each step."""
    study = read_study(write_yaml(folder, **changes))
    events: list[str | Step] = []
    run_study(study, run, "gazeshift study study.yaml", events.append, progress=False)
    return {event.name: event.state for event in events if isinstance(event, Step)}


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    run_tiny(folder, folder / "run")
    return folder / "run"


@pytest.fixture
def gazeshift(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process: exit code, standard output, standard error."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gazeshift", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command
