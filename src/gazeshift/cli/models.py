"""``gazeshift train`` and ``gazeshift evaluate``: one model alone."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import typer

from gazeshift.cli.places import check_new_folder
from gazeshift.data.addresses import Root
from gazeshift.data.audit import drop_undecodable
from gazeshift.data.findings import short
from gazeshift.data.on_the_fly import DecodedCrops
from gazeshift.errors import DataError, UsageError
from gazeshift.models import load
from gazeshift.models.absent import leaving_out
from gazeshift.registry import known_name
from gazeshift.study.load import read_study
from gazeshift.study.pairs import SPLITS, Pairs, read_pairs
from gazeshift.study.sections import DataConfig
from gazeshift.study.steps import Event, Notice
from gazeshift.study.train_one import train_single
from gazeshift.training import Split, accuracy, predict
from gazeshift.training.ranks import joined


def train_model(
    file: Path, name: str, out: Path, seed: int, settings: Sequence[str], resume: bool, timeout: float
) -> None:
    """Train one model of a study file into a folder, together with the other processes that ``torchrun`` started."""
    with joined(timeout) as here:
        check_new_folder(out)
        study = read_study(file, settings)
        name = known_name(study.models, name, f"model of {file}")
        shows = here.first and sys.stderr.isatty()
        fitted = train_single(
            study, name, seed, out, resume=resume or here.restarted, progress=shows, announce=_tell if here.first else _say_nothing
        )  # fmt: skip
    if here.first:
        typer.echo(f"{out}: {fitted.epochs} epochs, validation accuracy {fitted.validation_accuracy:.4f}")


def _say_nothing(event: Event) -> None:
    """The first process says it."""


def _tell(event: Event) -> None:
    if isinstance(event, Notice):
        typer.echo(event.text, err=True)


_OF_TRAINING = {"empty class", "unused table", "similar classes", "odd class"}
"""Findings that matter for training, but not for evaluating a model on one split."""


def tell_findings(pairs: Pairs) -> None:
    """Report on standard error what was chosen, repaired or left out while the pairs were read, one line per kind."""
    for note in pairs.notes:
        typer.echo(f"{pairs.root}: {note}", err=True)
    tell_kinds(pairs.root, pairs.counts)


def tell_kinds(root: object, counts: Mapping[str, int]) -> None:
    """Report on standard error what was repaired or left out, by kind."""
    for kind, count in counts.items():
        if kind not in _OF_TRAINING:
            typer.echo(f"{root}: {count:,} x {kind} (gazeshift data check lists them)", err=True)


def evaluate_model(folder: Path, root: Root, split: str, as_json: bool, without: str | None = None) -> None:
    """Accuracy of a saved model on a split, with both modalities or without one."""
    if split not in SPLITS:
        raise UsageError(f"--split {split}: give one of {', '.join(SPLITS)}.")
    model = load(folder)
    leaving_out(model, without)  # what cannot be left out is told before the data are read
    if without and not (model.sees_image and model.reads_text):
        typer.echo(
            f"{folder}: knows nothing besides the {without}, so it says the same of every pair without it", err=True
        )
    stored = model.origin.data.get("settings", {})
    pairs = read_pairs(DataConfig(**{**stored, "root": str(root)}), root, needed=(split,), classes=model.classes)
    tell_findings(pairs)
    unknown = sorted({pair.label for pair in pairs.splits[split]} - set(model.classes))
    if unknown:
        raise DataError(
            f"{pairs.root}: class {short(unknown[0])} is not among the {len(model.classes)} classes of {folder}."
        )
    kept, dropped = drop_undecodable(pairs.splits[split])
    for finding in dropped:
        typer.echo(f"left out: {finding.key}: {finding.detail}", err=True)
    if not kept:
        raise DataError(f"{pairs.root}: no image of the {split} split can be decoded.")
    place = {label: index for index, label in enumerate(model.classes)}
    labels = torch.tensor([place[pair.label] for pair in kept])
    images = DecodedCrops(kept, model.spec.preprocessing)
    asked = Split([pair.key for pair in kept], [pair.text for pair in kept], labels, images)
    right = accuracy(predict(model, asked, without=without), labels)
    if as_json:
        typer.echo(json.dumps({"accuracy": right, "n": len(kept)} | ({"without": without} if without else {})))
    else:
        lacking = f" without {without}" if without else ""
        typer.echo(f"accuracy {right:.4f} on {len(kept)} {split} pairs{lacking}")
