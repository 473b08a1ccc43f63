"""A study of a minute's work made small: 96 scenes, four models, two seeds, in seconds."""

from pathlib import Path

import yaml

from gazeshift.runs.record import Step
from gazeshift.study.load import read_study
from gazeshift.study.run import run_study

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
