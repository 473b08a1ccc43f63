"""A study as one run that can be interrupted: steps that write into the run folder, each done once."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save_file

from gazeshift.atomic import UNFINISHED, atomic_write, write_json, writing
from gazeshift.data.audit import audit
from gazeshift.data.contents import fingerprint
from gazeshift.data.findings import Finding
from gazeshift.data.loader import CONTENTS, crops
from gazeshift.data.plates import single_objects
from gazeshift.data.rows import PairSet
from gazeshift.edits import Corpus, find_lexicon
from gazeshift.errors import ConfigError
from gazeshift.evaluation.modifiers import Modifiers, modifier_files
from gazeshift.evaluation.question import MaskReader, Question
from gazeshift.models import build_trunk
from gazeshift.study.check_units import CHECK_SETTINGS, check_file, check_unit, checked_models, scenes_for
from gazeshift.study.config import PretrainConfig, StudyConfig
from gazeshift.study.load import write_study
from gazeshift.study.materials import Ingredients, source_digests
from gazeshift.study.pairs import (
    SPLITS,
    Pairs,
    evenly,
    plates_config,
    read_pairs,
    refuse_unfit,
    write_plates,
)
from gazeshift.study.results import Conclusion, conclude
from gazeshift.study.steps import StepRecord, Steps, digest_of
from gazeshift.study.units import analyse_unit, edited_texts, train_unit, unit_files
from gazeshift.training import RECIPES, fit_trunk

Announce = Callable[[str | StepRecord], None]

_LOCK = ".lock"

_LOOK = 2
"""Raised when a look leaves other tables, so that those of an older gazeshift are made again, and no training is."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended.

    Attributes:
        conclusion: its figures.
        records: of its steps.
        steps: to add the steps of others (the report) to.
    """

    conclusion: Conclusion
    records: list[StepRecord]
    steps: Steps


def run_study(study: StudyConfig, run: Path, command: str, announce: Announce, progress: bool) -> Outcome:
    """Run a study, or what is left of it.

    Args:
        study: the settings.
        run: the run folder; made where there is none.
        command: how it was called, for the report.
        announce: told of every step.
        progress: show progress lines.

    Raises:
        ConfigError: ``run`` is a file or holds something that is no run.
        GazeshiftError: what the data, the models and the training raise.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    _open_run(run)
    with _alone(run):
        return _run(study, run, command, announce, progress, started)


def _run(study: StudyConfig, run: Path, command: str, announce: Announce, progress: bool, started: str) -> Outcome:
    write_study(study, run / "study.yaml")
    steps = Steps(run, announce)
    root = _data_root(study, run, steps)
    pairs, data = _pairs(study, root, run, steps)
    weights, source = _weights(study, run, steps, data)

    def cropped(split: str) -> np.ndarray:
        return crops(pairs.splits[split], study.crop, run / "cache", workers=study.data.workers)

    ingredients = Ingredients(study, pairs.classes, pairs.splits, cropped, weights, run / "cache", progress)
    learnt_from = (*pairs.splits["train"], *pairs.splits["validation"])
    known = fingerprint(learnt_from, run / "cache" / CONTENTS, study.data.workers)
    units = _units(study, pairs, ingredients, steps, run, {"data": data, "learnt_from": known, **source})
    conclusion = conclude(study, pairs, run, steps, units, command, started)
    return Outcome(conclusion, steps.records, steps)


def _open_run(run: Path) -> None:
    """A run folder is new, empty, or one of ours; one whose disk was full at once holds no more than the lock."""
    if run.exists() and not run.is_dir():
        raise ConfigError(f"--out {run}: a file; name a folder.")
    if run.is_dir() and {path.name for path in run.iterdir()} - {_LOCK} and not (run / "study.yaml").is_file():
        raise ConfigError(f"--out {run}: the folder is not empty and holds no run; name a new one.")
    with writing(run):
        run.mkdir(parents=True, exist_ok=True)


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    """One study at a time in a run folder; the lock goes with the process, however it ends."""
    lock = FileLock(run / _LOCK)
    with writing(run / _LOCK):
        _acquire(lock, run)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, run: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"--out {run}: another study is running in this folder; wait for it, or name another."
        ) from error
    except OSError as error:
        if error.errno != errno.EROFS and os.access(run, os.W_OK):
            raise  # else nobody can write here: a finished run is shown, and what is left to do is refused when it writes


def _data_root(study: StudyConfig, run: Path, steps: Steps) -> Path:
    if study.data.plates is None:
        return Path(study.data.root or "").expanduser()
    settings = study.data.plates
    config, root = plates_config(settings), run / "plates"
    workers = study.data.workers or os.cpu_count() or 1

    def render(_: str) -> None:
        for left in (root, *run.glob(f"plates.*{UNFINISHED}")):
            shutil.rmtree(left, ignore_errors=True)  # of other settings, or of a run that was killed
        write_plates(settings, root, workers)

    steps.do("plates", {"plates": config.to_dict()}, render, (root,))
    return root


def _pairs(study: StudyConfig, root: Path, run: Path, steps: Steps) -> tuple[Pairs, str]:
    """The pairs that can be used, and the digest of the data."""
    reads_text = any(study.structure(name).reads_text for name in study.models)
    pairs = read_pairs(study.data, root, reads_text=reads_text, cache=run / "cache")
    path = run / "store" / "audit.json"

    def look(_: str) -> None:
        everything = PairSet(pairs.root, pairs.format, tuple(pairs.all), pairs.classes, pairs.findings, pairs.notes)
        found = audit(everything, reads_text=reads_text, workers=study.data.workers)
        write_json(path, found.to_dict())

    settings = study.data.model_dump(exclude={"root", "workers"})
    digest = steps.do("data", {"data": settings, "fingerprint": pairs.fingerprint}, look, (path,))
    seen = json.loads(path.read_text(encoding="utf-8"))
    corrupt = {finding["key"] for finding in seen["findings"] if finding["kind"] == "corrupt image"}
    splits = {split: tuple(pair for pair in pairs.splits[split] if pair.key not in corrupt) for split in SPLITS}
    left = replace(pairs, splits=splits)
    gone = [Finding("corrupt image", key) for key in sorted(corrupt)]
    refuse_unfit(root, left.all, [*pairs.findings, *gone], reads_text=reads_text)
    return left, digest


def _weights(study: StudyConfig, run: Path, steps: Steps, data: str) -> tuple[str, dict[str, Any]]:
    """Initial weights of the trunk, and digests of where weights come from."""
    sources = source_digests(study)
    if study.pretrain is None:
        return study.weights, sources
    path = run / "cache" / "pretrained.safetensors"
    inputs = {
        "pretrain": study.pretrain.model_dump(),
        "plates": study.data.plates,
        "image": study.image.model_dump(exclude={"features"}),
        "preprocessing": study.preprocessing,
        "weights": sources["weights"],
    }
    pretrain = study.pretrain
    digest = steps.do("pretrain", inputs, lambda _: _pretrain(study, pretrain, run, path), (path,))
    return str(path), {**sources, "weights": digest}


def _pretrain(study: StudyConfig, pretrain: PretrainConfig, run: Path, path: Path) -> None:
    config = plates_config(study.data.plates or {})
    images, labels = single_objects(config, pretrain.images, pretrain.seed)
    preprocessing = replace(study.crop, size=images.shape[-1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(pretrain.seed)
        trunk = build_trunk(study.image.model_copy(update={"features": "plain"}), preprocessing.size, study.weights)
    recipe = RECIPES["plates"].model_copy(update={"epochs": pretrain.epochs, "augmentation": "flip"})
    fit_trunk(
        trunk,
        images,
        torch.from_numpy(labels),
        config.dishes,
        preprocessing,
        run / "logs" / "pretrain",
        seed=pretrain.seed,
        recipe=recipe,
        progress=False,
    )
    state = {
        name.removeprefix("net."): value.contiguous()
        for name, value in trunk.state_dict().items()
        if name.startswith("net.")
    }
    with atomic_write(path, parents=True) as file:
        save_file(state, file)


def _units(
    study: StudyConfig, pairs: Pairs, ingredients: Ingredients, steps: Steps, run: Path, sources: dict[str, Any]
) -> dict[str, str]:
    """Train and look through every model with every seed; returns the digest of each look."""
    lexicon = find_lexicon(study.explain.lexicon)
    corpus = Corpus.of(pairs.splits["train"], pairs.classes, lexicon)
    words = digest_of({"lexicon": repr(lexicon)})  # a file of the user's may change under its name
    modifiers = _modifiers(study, ingredients, corpus, steps, run / "store", {**sources, "lexicon": words})
    question, rows = _question(study, pairs, ingredients, corpus, modifiers)
    scenes = scenes_for(study, pairs)
    data = {
        "format": pairs.format,
        "fingerprint": pairs.fingerprint,
        "settings": study.data.model_dump(exclude={"root", "plates", "workers"}),
    }
    digests = {}
    for seed in study.seeds:
        for name in study.models:
            folder = run / "models" / name / f"seed-{seed}"
            inputs = _inputs(ingredients, name, seed, sources)

            def train(digest: str, name: str = name, seed: int = seed, folder: Path = folder) -> None:
                work = run / "logs" / name / f"seed-{seed}"
                train_unit(ingredients, name, seed, folder, work, digest, data)

            trained = steps.do(f"train {name} seed {seed}", inputs, train, (folder,))
            look = {
                "tables": _LOOK,
                "train": trained,
                "data": sources["data"],
                "lexicon": words,
                "explain": study.explain.model_dump(exclude={"samples", "checks", "check_images"}),
            }

            made = unit_files(study, run / "store", name, seed)

            def analyse(_: str, name: str = name, seed: int = seed, folder: Path = folder) -> None:
                analyse_unit(ingredients, name, seed, folder, question, rows, run / "store")

            digests[f"{name} seed {seed}"] = steps.do(f"look {name} seed {seed}", look, analyse, made)
            if checked_models(study, [name]):

                def check(_: str, name: str = name, seed: int = seed, folder: Path = folder) -> None:
                    check_unit(ingredients, name, seed, folder, question, rows, scenes, run / "store")

                settings = study.explain.model_dump(include=set(CHECK_SETTINGS))
                asked = {"train": trained, "data": sources["data"], "lexicon": words, "explain": settings}
                kept = (check_file(run / "store", name, seed),)
                digests[f"checks of {name} seed {seed}"] = steps.do(f"check {name} seed {seed}", asked, check, kept)
    return digests


def _inputs(ingredients: Ingredients, name: str, seed: int, sources: dict[str, Any]) -> dict[str, Any]:
    """Everything that decides the weights of one model: no more, so that other settings and other test pairs do not repeat its training."""
    spec = ingredients.spec(name)
    used = {"data": sources["learnt_from"], "seed": seed, "spec": spec.model_dump(mode="json")}
    used["recipe"] = ingredients.study.recipe_of(name).model_dump()
    used["texts"] = ingredients.study.models[name].texts
    if spec.image.name != "none":
        used["weights"] = sources["weights"]
    if spec.text.encoder in {"huggingface", "bert-lstm"}:
        used["text_encoder"] = sources["text_encoder"]
    return used


def _modifiers(
    study: StudyConfig, ingredients: Ingredients, corpus: Corpus, steps: Steps, store: Path, sources: dict[str, Any]
) -> Modifiers | None:
    """The words that are crossed with the images, if the study asks for any; what was chosen is left in the store."""
    if not study.explain.modifiers:
        return None
    modifiers = Modifiers.of(study.explain.lexicon, study.explain.modifiers, ingredients.pieces)
    inputs = {
        **{name: sources[name] for name in ("data", "lexicon", "text_encoder")},
        "modifiers": study.explain.modifiers,
        "text": study.text.model_dump(mode="json"),
    }
    steps.do("modifiers", inputs, lambda _: modifiers.write(corpus, store), modifier_files(store))
    return modifiers


def _question(
    study: StudyConfig, pairs: Pairs, ingredients: Ingredients, corpus: Corpus, modifiers: Modifiers | None
) -> tuple[Question, list[int]]:
    """What every model is asked, and the rows of the explained pairs among the test pairs."""
    test = pairs.splits["test"]
    chosen = evenly(test, study.explain.images)
    place = {pair.key: index for index, pair in enumerate(test)}
    question = Question(
        chosen,
        edited_texts(chosen, study.explain.edits, corpus, ingredients.pieces),
        MaskReader(study.crop, chosen),
        study.explain.method,
        study.explain.wasserstein,
        [] if modifiers is None else [modifiers.texts(pair) for pair in chosen],
    )
    return question, [place[pair.key] for pair in chosen]
