"""From the parts that models left to the tables that verdicts rest on; written to the store, so that a reader can check them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gazeshift.claims.prompts import prompt_rows, retrained_rows
from gazeshift.claims.roles import Roles
from gazeshift.claims.tables import Tables
from gazeshift.evaluation.information import information_rows, mean_maps
from gazeshift.mapstore.distributions import Drawn, by_class, drawn
from gazeshift.mapstore.store import read_maps, read_tables, write_maps, write_table
from gazeshift.study.config import StudyConfig


def gather(
    study: StudyConfig, run: Path, classes: Sequence[str], predictions: pd.DataFrame, changes: pd.DataFrame
) -> Tables:
    """The tables of a study; those that are made here are written to its store.

    Args:
        study: the settings.
        run: the run folder.
        classes: class names in order.
        predictions: of all models.
        changes: measures of all models, as ``gazeshift.study.summary.with_changes`` gives them.
    """
    store = run / "store"
    roles = study.roles
    labels = dict(zip(changes["key"], changes["label"], strict=True))
    information: list[dict[str, Any]] = []
    means: list[dict[str, Any]] = []
    prompts: list[pd.DataFrame] = []
    retrained: list[pd.DataFrame] = []
    for name in study.models:
        if not study.structure(name).sees_image:
            continue
        by_seed = {}
        for seed in study.seeds:
            found = by_seed[seed] = drawn(*read_maps(store / "maps" / name / f"seed-{seed}.parquet"))
            tag = {"model": name, "seed": seed}
            information += [tag | row for row in information_rows(found, labels, study.explain.edits)]
            means += [tag | row for row in mean_maps(found)]
        retrained.append(retrained_rows(by_seed, labels).assign(model=name))
        if name == roles.get("fusion") and roles.get("image") is not None:
            prompts = [_prompts(store, roles, seed, found, changes) for seed, found in by_seed.items()]
    tables = Tables(
        roles,
        study.seeds,
        classes,
        predictions,
        changes,
        information=pd.DataFrame(information),
        modifiers=_all(study, store, "modifiers") if study.explain.modifiers else pd.DataFrame(),
        equivariance=_all(study, store, "equivariance") if study.explain.windows else pd.DataFrame(),
        prompts=pd.concat(prompts, ignore_index=True) if prompts else pd.DataFrame(),
        retrained=pd.concat(retrained, ignore_index=True),
    )
    for kind in ("information", "modifiers", "equivariance", "prompts", "retrained"):
        table: pd.DataFrame = getattr(tables, kind)
        if len(table):
            write_table(table, store / f"{kind}.parquet")
    if means:
        write_maps(means, store / "mean-maps.parquet")
    return tables


def _prompts(store: Path, roles: Roles, seed: int, found: Drawn, changes: pd.DataFrame) -> pd.DataFrame:
    classes = by_class(*read_maps(store / "maps" / roles["image"] / f"classes-{seed}.parquet"))
    mine = changes[(changes["model"] == roles["fusion"]) & (changes["seed"] == seed)]
    return prompt_rows(mine, found, classes).assign(seed=seed)


def _all(study: StudyConfig, store: Path, kind: str) -> pd.DataFrame:
    paths = [store / "parts" / name / f"{kind}-{seed}.parquet" for name in study.models for seed in study.seeds]
    there = [path for path in paths if path.is_file()]
    return read_tables(there) if there else pd.DataFrame()
