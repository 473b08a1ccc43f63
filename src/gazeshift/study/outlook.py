"""What a study is going to do, and what of it is done: for whoever shows progress from outside."""

import json

from gazeshift.runs.folder import RunFolder
from gazeshift.study.check_units import checked_models
from gazeshift.study.config import StudyConfig


def outlook(study: StudyConfig) -> list[str]:
    """The names of the steps of a new run, in order (``Steps.do``); a Ray cluster does one more."""
    names = ["plates"] if study.data.plates is not None else []
    names.append("data")
    names += ["pretrain"] if study.pretrain is not None else []
    names += ["modifiers"] if study.explain.modifiers else []
    for unit in study.units:
        trained = unit.model in study.trained
        names += [f"train {unit}"] if trained else []
        names.append(f"evaluate {unit}")
        names += [f"check {unit}"] if trained and checked_models(study, [unit.model]) else []
    names += [f"compare {first} with {second}" for first, second in study.compared]
    return [*names, "summary", "report"]


def seconds_of_steps(run: RunFolder) -> dict[str, float]:
    """How long each finished step took, by its name; from the manifests, which are written last."""
    found = {}
    for manifest in run.steps.glob("*.json"):
        try:
            found[manifest.stem] = float(json.loads(manifest.read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
