"""From the models' parts to the tables and figures of the whole study."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from gazeshift.atomic import write_json
from gazeshift.claims.judge import judge
from gazeshift.data.audit import read_audit
from gazeshift.data.on_the_fly import DecodedCrops
from gazeshift.errors import DataError
from gazeshift.mapstore.store import Row, read_maps, read_tables, write_table
from gazeshift.measures import Figure
from gazeshift.records import Record, read_record
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.runs.record import RunRecord
from gazeshift.runs.summary import SCHEMA, DataFacts, Summary
from gazeshift.study.check_figures import check_figures
from gazeshift.study.check_units import checked_models
from gazeshift.study.claim_tables import gather
from gazeshift.study.columns import column_facts
from gazeshift.study.comparing import comparison
from gazeshift.study.config import StudyConfig
from gazeshift.study.headline import headline
from gazeshift.study.pairs import Pairs, evenly
from gazeshift.study.record import record_of
from gazeshift.study.samples import choose, difference_of_models, sample_rows
from gazeshift.study.steps import Steps, digest_of
from gazeshift.study.summary import check, summarise, with_changes
from gazeshift.study.warnings import warnings_of


@dataclass(frozen=True)
class Conclusion:
    """The figures of a study, and the digest of all their inputs."""

    summary: Summary
    digest: str


def conclude(
    study: StudyConfig, pairs: Pairs, run: RunFolder, steps: Steps, units: dict[str, str], command: str, started: str
) -> Conclusion:
    """Write the tables and figures of a study from the parts of its models.

    Args:
        study: the settings.
        pairs: as used.
        run: the run folder.
        steps: of the run.
        units: digest of each unit's evaluation.
        command: how the study was called.
        started: when, in ISO 8601.
    """
    inputs = {
        "units": units,
        "title": study.title,
        "question": study.question,
        "explain": study.explain.model_dump(),
        "expect": study.expect,
        "models": list(study.models),
        "compared": study.compared,
        "seeds": study.seeds,
        "schema": SCHEMA,
    }

    def work(_: str) -> None:
        _write(_summary(study, pairs, run), run.summary)

    digest = steps.do("summary", inputs, work, (run.summary, run.table("samples")))
    summary = read_record(run.summary, Summary)
    record = record_of(study, pairs, run, steps, summary, command, started)
    if not _is_told(run.record, record, steps):
        _write(record, run.record)
    return Conclusion(summary, digest_of({"summary": digest, "run": [model.model_dump() for model in record.models]}))


def _summary(study: StudyConfig, pairs: Pairs, run: RunFolder) -> Summary:
    """Build the tables of the whole study, and its figures from them."""
    predictions, changes = _tables(study, pairs, run)
    roles, explained = study.roles, evenly(pairs.splits["test"], study.explain.images)
    tables = gather(study, run, pairs.classes, predictions, changes)
    found = tuple(comparison(*names, read_tables([run.comparison(*names)])) for names in study.compared)
    figures = summarise(predictions, changes, roles, study.explain.edits).model_copy(update={"comparisons": found})
    claims = judge(tables)
    structure = {name: study.structure(name).sentence for name in study.models}
    told = warnings_of(
        study, read_audit(run.audit), figures, predictions, _grids(study, run), _words(study, run.modifiers)
    )
    return Summary(
        schema_version=SCHEMA,
        title=study.title,
        headline=tuple(headline(figures, claims, roles, structure)),
        roles=roles.parts,
        **dict(figures.model_copy(update={"model_checks": _checks(study, run, predictions)})),
        claims=claims,
        checks=tuple(check(study.expect, predictions, changes, roles)),
        data=DataFacts(chance=1 / len(pairs.classes), ceiling=pairs.ceiling),
        columns={name: column_facts(each.texts, explained) for name, each in study.explain.columns.items()},
        warnings=tuple(told),
    )


def _tables(study: StudyConfig, pairs: Pairs, run: RunFolder) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and measures of all units; with the samples of the report they are written to the store."""
    predictions = _parts(study, run, "predictions", list(study.models))
    place = {edit: index for index, edit in enumerate(study.explain.edits)}
    changes = with_changes(_parts(study, run, "measures", study.seeing))
    # In the order of the study file, which the report follows: an edit that does not apply to the first pair has no row there.
    changes = changes.sort_values("edit", key=lambda names: names.map(place), kind="stable", ignore_index=True)
    write_table(predictions, run.table("predictions"))
    write_table(changes, run.table("measures"))
    write_table(_samples(study, pairs, run, changes), run.table("samples"))
    return predictions, changes


def _is_told(path: Path, record: RunRecord, steps: Steps) -> bool:
    """Whether the record is from the command that did the work, and this command, perhaps on a read-only disk, did none."""
    if any(step.state == "done" for step in steps.records):
        return False
    try:
        return read_record(path, RunRecord).models == record.models
    except DataError:
        return False


def _words(study: StudyConfig, file: Path) -> dict[str, list[str]]:
    """Modifiers by kind, as written by ``gazeshift.evaluation.modifiers``; none if the study requests none."""
    if not study.explain.modifiers:
        return {}
    words: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))["words"]
    return words


def _parts(study: StudyConfig, run: RunFolder, kind: str, models: list[str]) -> pd.DataFrame:
    """Tables of some models and all seeds, in the study's order."""
    return read_tables([run.part(unit, kind) for name in models for unit in study.units_of(name)])


def _checks(study: StudyConfig, run: RunFolder, predictions: pd.DataFrame) -> dict[str, dict[str, dict[str, Figure]]]:
    """Figures of the study's checks; their rows go into the store as one table."""
    names = checked_models(study, list(study.models))
    if not names:
        return {}
    rows = _parts(study, run, "checks", names)
    write_table(rows, run.table("checks"))
    played = study.roles.parts
    return check_figures(rows, predictions, {role: played[role] for role in ("image", "text") if role in played})


def _samples(study: StudyConfig, pairs: Pairs, run: RunFolder, changes: pd.DataFrame) -> list[Row]:
    """Samples by the difference between the maps of the two models that are compared, first seed; with one model, random."""
    seed, compared = study.seeds[0], study.roles.compared
    keys = list(dict.fromkeys(changes["key"]))
    differences = (
        pd.Series(np.nan, index=keys)
        if compared is None
        else difference_of_models(keys, *(_own_maps(run, Unit(name, seed)) for name in compared))
    )
    test = pairs.splits["test"]
    place = {pair.key: index for index, pair in enumerate(test)}
    pictures = DecodedCrops(test, study.crop, study.data.workers)
    described = {pair.key: (pair.label, pair.text) for pair in test}
    chosen = choose(differences, study.explain.samples)
    lossless = study.data.plates is not None
    return sample_rows(chosen, differences, described, lambda key: pictures[place[key]], lossless)


def _grids(study: StudyConfig, run: RunFolder) -> dict[str, tuple[int, int]]:
    """Height and width of each model's maps."""
    shapes = {name: read_maps(run.maps(Unit(name, study.seeds[0])))[1].shape for name in study.seeing}
    return {name: (shape[1], shape[2]) for name, shape in shapes.items()}


def _own_maps(run: RunFolder, unit: Unit) -> dict[str, Float[np.ndarray, "h w"]]:
    """Maps with the pairs' own texts, by key."""
    rows, maps = read_maps(run.maps(unit))
    own = (rows["edit"] == "original") & (rows["target"] == "predicted")
    return dict(zip(rows["key"][own], maps[own.to_numpy()], strict=True))


def _write(record: Record, path: Path) -> None:
    write_json(path, record.model_dump(mode="json"), indent=2)
