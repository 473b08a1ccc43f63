"""What a reader needs to judge a run and to reproduce it: machine, versions, data, models."""

import os
import platform
from importlib.metadata import version

import torch

from gazeshift.data.addresses import last_name
from gazeshift.data.audit import read_audit
from gazeshift.models.files import weights_digest
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.runs.record import DataRecord, ModelRecord, RunRecord
from gazeshift.runs.summary import Summary
from gazeshift.study.config import StudyConfig
from gazeshift.study.pairs import SPLITS, Pairs
from gazeshift.study.steps import Steps

_VERSIONED = (
    "gazeshift",
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "lightning",
    "numpy",
    "pandas",
    "pillow",
)


def record_of(
    study: StudyConfig, pairs: Pairs, run: RunFolder, steps: Steps, summary: Summary, command: str, started: str
) -> RunRecord:
    """Everything a reader needs to judge the run and reproduce it."""
    found = read_audit(run.audit)
    return RunRecord(
        name=run.path.name,
        title=study.title,
        question=study.question,
        command=command,
        started=started,
        seconds=round(sum(record.seconds for record in steps.records), 1),
        machine={"cpus": os.cpu_count(), "platform": platform.platform(), "device": _device()},
        versions={"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}},
        seeds=study.seeds,
        classes=pairs.classes,
        steps=tuple(steps.records),
        data=DataRecord(
            name="Plates (synthetic)" if study.data.plates is not None else last_name(pairs.root),
            format=pairs.format,
            fingerprint=pairs.fingerprint,
            pairs={split: len(pairs.splits[split]) for split in SPLITS},
            audit=found.counts,
            title_contains_class=found.title_contains_class,
            titles_shared_train_test=found.titles_shared_train_test,
            ceiling=pairs.ceiling,
        ),
        preprocessing=study.preprocessing,
        recipes={name: study.recipe_of(name).model_dump(mode="json") for name in study.trained},
        models=tuple(_model(study, run, name) for name in study.models),
        warnings=summary.warnings,
    )


def _model(study: StudyConfig, run: RunFolder, name: str) -> ModelRecord:
    structure, own = study.structure(name), study.models[name]
    return ModelRecord(
        name=name,
        kind=study.kind(name),
        texts=own.texts,
        sees_image=structure.sees_image,
        reads_text=structure.reads_text,
        text_can_move_map=not structure.additive,
        structure=structure.sentence,
        digest={str(unit.seed): _digest(run, unit, own.from_) for unit in study.units_of(name)},
        given=own.from_,
        counterpart=own.counterpart,
        image=own.image,
        text=own.text,
    )


def _digest(run: RunFolder, unit: Unit, given: str | None) -> str:
    """Of a trained model's file; of a given model as it was when it was evaluated."""
    if given is None:
        return weights_digest(run.model(unit))
    return run.part(unit, "digest").with_suffix(".txt").read_text(encoding="utf-8")


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
