"""From the models' parts to the tables behind the verdicts; written to the store, so that a reader can check them."""

from collections.abc import Sequence

import pandas as pd

from gazeshift.claims.prompts import prompt_rows, retrained_rows
from gazeshift.claims.roles import Roles
from gazeshift.claims.tables import Tables
from gazeshift.evaluation.information import information_rows, mean_maps
from gazeshift.mapstore.distributions import Drawn, by_class, drawn
from gazeshift.mapstore.store import Row, read_maps, read_tables, write_maps, write_table
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.study.config import StudyConfig


def gather(
    study: StudyConfig, run: RunFolder, classes: Sequence[str], predictions: pd.DataFrame, changes: pd.DataFrame
) -> Tables:
    """The tables of a study; those computed here are written to its store.

    Args:
        study: the settings.
        run: the run folder.
        classes: class names in order.
        predictions: of all models.
        changes: measures of all models, as ``gazeshift.study.summary.with_changes`` gives them.
    """
    roles = study.roles
    labels = dict(zip(changes["key"], changes["label"], strict=True))
    information: list[Row] = []
    means: list[Row] = []
    prompts: list[pd.DataFrame] = []
    retrained: list[pd.DataFrame] = []
    for name in study.seeing:
        by_seed = {}
        for unit in study.units_of(name):
            found = by_seed[unit.seed] = drawn(*read_maps(run.maps(unit)))
            information += [unit.tag | row for row in information_rows(found, labels, study.explain.edits)]
            means += [unit.tag | row for row in mean_maps(found)]
        retrained.append(retrained_rows(by_seed, labels).assign(model=name))
        if name == roles.get("fusion") and roles.get("image") is not None:
            prompts = [_prompts(run, roles, seed, found, changes) for seed, found in by_seed.items()]
    tables = Tables(
        roles,
        study.seeds,
        classes,
        predictions,
        changes,
        information=pd.DataFrame(information),
        modifiers=_all(study, run, "modifiers") if study.explain.modifiers else pd.DataFrame(),
        equivariance=_all(study, run, "equivariance") if study.explain.windows else pd.DataFrame(),
        prompts=pd.concat(prompts, ignore_index=True) if prompts else pd.DataFrame(),
        retrained=pd.concat(retrained, ignore_index=True),
    )
    for kind in ("information", "modifiers", "equivariance", "prompts", "retrained"):
        table: pd.DataFrame = getattr(tables, kind)
        if len(table):
            write_table(table, run.table(kind))
    if means:
        write_maps(means, run.table("mean-maps"))
    return tables


def _prompts(run: RunFolder, roles: Roles, seed: int, found: Drawn, changes: pd.DataFrame) -> pd.DataFrame:
    classes = by_class(*read_maps(run.class_maps(Unit(roles["image"], seed))))
    mine = changes[(changes["model"] == roles["fusion"]) & (changes["seed"] == seed)]
    return prompt_rows(mine, found, classes).assign(seed=seed)


def _all(study: StudyConfig, run: RunFolder, kind: str) -> pd.DataFrame:
    paths = [run.part(unit, kind) for name in study.models for unit in study.units_of(name)]
    there = [path for path in paths if path.is_file()]
    return read_tables(there) if there else pd.DataFrame()
