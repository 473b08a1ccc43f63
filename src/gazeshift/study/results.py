"""From the parts that the models left to the tables, figures and facts of the whole study."""

import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from gazeshift.atomic import write_json
from gazeshift.claims.judge import judge
from gazeshift.data.loader import crops
from gazeshift.mapstore.store import read_maps, read_tables, write_table
from gazeshift.study.check_figures import check_figures
from gazeshift.study.check_units import checked_models
from gazeshift.study.claim_tables import gather
from gazeshift.study.config import StudyConfig
from gazeshift.study.headline import headline
from gazeshift.study.pairs import SPLITS, Pairs
from gazeshift.study.samples import choose, difference_of_models, sample_rows
from gazeshift.study.steps import Steps, digest_of, file_digest
from gazeshift.study.summary import check, summarise, with_changes
from gazeshift.study.warnings import warnings_of

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


@dataclass(frozen=True)
class Conclusion:
    """The figures of a study, as ``summary.json`` holds them, and whether all that was expected came true."""

    summary: dict[str, Any]
    digest: str

    @property
    def passed(self) -> bool:
        """Whether no expectation was missed."""
        return all(record["passed"] for record in self.summary["checks"])


def conclude(
    study: StudyConfig, pairs: Pairs, run: Path, steps: Steps, units: dict[str, str], command: str, started: str
) -> Conclusion:
    """Write the tables and figures of a study from the parts of its models.

    Args:
        study: the settings.
        pairs: as used.
        run: the run folder.
        steps: of the run.
        units: digest of each model's look.
        command: how the study was called.
        started: when, in ISO 8601.
    """
    store, roles = run / "store", study.roles
    summary_file = run / "summary.json"

    def work(_: str) -> None:
        predictions = _parts(study, store, "predictions", list(study.models))
        seen = [name for name in study.models if study.structure(name).sees_image]
        place = {edit: index for index, edit in enumerate(study.explain.edits)}
        changes = with_changes(_parts(study, store, "measures", seen))
        # In the order of the study file, which the report follows: an edit that does not apply to the first pair has no row there.
        changes = changes.sort_values("edit", key=lambda names: names.map(place), kind="stable", ignore_index=True)
        write_table(predictions, store / "predictions.parquet")
        write_table(changes, store / "measures.parquet")
        samples = _samples(study, pairs, run, changes)
        write_table(samples, store / "samples.parquet")
        tables = gather(study, run, pairs.classes, predictions, changes)
        figures = summarise(predictions, changes, roles, study.explain.edits)
        claims = judge(tables)
        structure = {name: study.structure(name).sentence for name in study.models}
        audit = json.loads((store / "audit.json").read_text(encoding="utf-8"))
        summary = {
            "title": study.title,
            "headline": headline({**figures, "claims": claims}, roles, structure),
            "roles": roles.parts,
            **figures,
            "claims": claims,
            "checks": check(study.expect, predictions, changes, roles),
            "model_checks": _checks(study, store, predictions),
            "data": {**pairs.facts, "chance": 1 / len(pairs.classes)},
            "warnings": warnings_of(study, audit, figures, predictions, _grids(study, run, seen), _words(study, store)),
        }
        _write_json(summary, summary_file)

    inputs = {
        "units": units,
        "title": study.title,
        "question": study.question,
        "explain": study.explain.model_dump(),
        "expect": study.expect,
        "models": list(study.models),
        "seeds": study.seeds,
    }
    digest = steps.do("summary", inputs, work, (summary_file, store / "samples.parquet"))
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    facts = _facts(study, pairs, run, steps, summary, command, started)
    if not _is_told(run / "run.json", facts, steps):
        _write_json(facts, run / "run.json")
    return Conclusion(summary, digest_of({"summary": digest, "run": facts["models"]}))


def _is_told(path: Path, facts: dict[str, Any], steps: Steps) -> bool:
    """Whether the facts are those of the command that did the work, and this one, perhaps on a read-only disk, did none."""
    if any(record.state == "done" for record in steps.records):
        return False
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and known.get("models") == json.loads(json.dumps(facts["models"]))


def _words(study: StudyConfig, store: Path) -> dict[str, list[str]]:
    """Modifiers by kind, as ``gazeshift.evaluation.modifiers`` left them; none where the study asks for none."""
    if not study.explain.modifiers:
        return {}
    words: dict[str, list[str]] = json.loads((store / "modifiers.json").read_text(encoding="utf-8"))["words"]
    return words


def _parts(study: StudyConfig, store: Path, kind: str, models: list[str]) -> pd.DataFrame:
    """Tables of all models and seeds, in the study's order."""
    paths = [store / "parts" / name / f"{kind}-{seed}.parquet" for name in models for seed in study.seeds]
    return read_tables(paths)


def _checks(study: StudyConfig, store: Path, predictions: pd.DataFrame) -> dict[str, Any]:
    """Figures of the checks that the study asks for; their rows go into the store as one table."""
    names = checked_models(study, list(study.models))
    if not names:
        return {}
    rows = _parts(study, store, "checks", names)
    write_table(rows, store / "checks.parquet")
    played = study.roles.parts
    return check_figures(rows, predictions, {role: played[role] for role in ("image", "text") if role in played})


def _samples(study: StudyConfig, pairs: Pairs, run: Path, changes: pd.DataFrame) -> list[dict[str, Any]]:
    """Samples by the difference between the maps of the two models that are compared, first seed; with one model they are drawn."""
    seed, compared = study.seeds[0], study.roles.compared
    keys = list(dict.fromkeys(changes["key"]))
    differences = (
        pd.Series(np.nan, index=keys)
        if compared is None
        else difference_of_models(keys, *(_own_maps(run, name, seed) for name in compared))
    )
    test = pairs.splits["test"]
    place = {pair.key: index for index, pair in enumerate(test)}
    pictures = crops(test, study.crop, run / "cache")
    described = {pair.key: (pair.label, pair.text) for pair in test}
    chosen = choose(differences, study.explain.samples)
    lossless = study.data.plates is not None
    return sample_rows(chosen, differences, described, lambda key: pictures[place[key]], lossless)


def _grids(study: StudyConfig, run: Path, seen: list[str]) -> dict[str, tuple[int, int]]:
    """Height and width of each model's maps."""
    shapes = {
        name: read_maps(run / "store" / "maps" / name / f"seed-{study.seeds[0]}.parquet")[1].shape for name in seen
    }
    return {name: (shape[1], shape[2]) for name, shape in shapes.items()}


def _own_maps(run: Path, name: str, seed: int) -> dict[str, Any]:
    """Maps with the pairs' own texts, by key."""
    rows, maps = read_maps(run / "store" / "maps" / name / f"seed-{seed}.parquet")
    own = (rows["edit"] == "original") & (rows["target"] == "predicted")
    return dict(zip(rows["key"][own], maps[own.to_numpy()], strict=True))


def _facts(
    study: StudyConfig, pairs: Pairs, run: Path, steps: Steps, summary: dict[str, Any], command: str, started: str
) -> dict[str, Any]:
    """Everything a reader needs to judge the run and make it again."""
    audit = json.loads((run / "store" / "audit.json").read_text(encoding="utf-8"))
    return {
        "name": run.name,
        "title": study.title,
        "question": study.question,
        "command": command,
        "started": started,
        "seconds": round(sum(record.seconds for record in steps.records), 1),
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform(), "device": _device()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}},
        "seeds": list(study.seeds),
        "classes": list(pairs.classes),
        "steps": [vars(record) for record in steps.records],
        "data": {
            "name": "Plates (synthetic)" if study.data.plates is not None else pairs.root.name,
            "format": pairs.format,
            "fingerprint": pairs.fingerprint,
            "pairs": {split: len(pairs.splits[split]) for split in SPLITS},
            "audit": audit["counts"],
            "title_contains_class": audit["title_contains_class"],
            "titles_shared_train_test": audit["titles_shared_train_test"],
            **pairs.facts,
        },
        "preprocessing": study.preprocessing,
        "recipes": {name: study.recipe_of(name).model_dump() for name in study.models},
        "models": [_model(study, run, name) for name in study.models],
        "warnings": summary["warnings"],
    }


def _model(study: StudyConfig, run: Path, name: str) -> dict[str, Any]:
    structure = study.structure(name)
    folders = {str(seed): run / "models" / name / f"seed-{seed}" / "model.safetensors" for seed in study.seeds}
    return {
        "name": name,
        "kind": study.kind(name),
        "texts": study.models[name].texts,
        "sees_image": structure.sees_image,
        "reads_text": structure.reads_text,
        "text_can_move_map": not structure.additive,
        "structure": structure.sentence,
        "digest": {seed: file_digest(path) for seed, path in folders.items()},
    }


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def _write_json(values: dict[str, Any], path: Path) -> None:
    # NaN is no JSON; a figure that cannot be measured is null.
    write_json(path, values, indent=2)
