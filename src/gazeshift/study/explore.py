"""The exploratory mixed model of a finished study's modifiers: what is associated with how far a word moves the map. Exploratory only."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from gazeshift.errors import DataError
from gazeshift.records import read_record
from gazeshift.runs.folder import RunFolder
from gazeshift.runs.record import RunRecord
from gazeshift.statistics.explore import Exploration, explore

VALUES = ("js_distance", "coverage_change", "within")


def lead_of(run: Path) -> str:
    """The model that a finished study is about (``Roles.lead``).

    Raises:
        DataError: no such run, an unfinished one, or one without a model that sees images and reads texts.
    """
    path = RunFolder(run).record
    if not path.is_file():
        raise DataError(f"{path}: no such file; name the folder of a finished run.")
    lead = read_record(path, RunRecord).roles.lead
    if lead is None:
        raise DataError(f"{run}: none of its models takes both images and texts, so there is nothing to explore.")
    return lead


def explore_run(run: Path, model: str, value: str = "js_distance") -> Exploration:
    """``value ~ kind * truth + text change + PMI + (1 | class) + (1 | seed) + (1 | word)`` on cells of seed, class and word.

    The noise floor is subtracted from the value: the mean of made-up words in the same cell of seed and class. If the
    scene tells whether a word is true of it, only such words and truths are modelled; a note says how many those are.

    Args:
        run: a run folder of a study with modifiers (``explain.modifiers``).
        model: name of one of its models that read text.
        value: one of ``VALUES``.

    Raises:
        DataError: the run has no modifiers, or none of this model.
        UsageError: statsmodels is not installed, or the tables are too large or too small for it.
    """
    if not run.is_dir():
        raise DataError(f"{run}: no such run folder.")
    tables = {name: RunFolder(run).table(name) for name in ("modifiers", "words")}
    for path in tables.values():
        if not path.is_file():
            raise DataError(f"{path}: no such table; run a study with explain.modifiers above 0.")
    rows, words = (pd.read_parquet(path) for path in tables.values())
    mine = rows[rows["model"] == model]
    if mine.empty:
        raise DataError(
            f"{run}: no modifiers were measured for a model {model!r}; only for {', '.join(sorted(set(rows['model'])))}."
        )
    cell = ["seed", "label", "kind", "word", "truth"]
    cells = mine.groupby(cell, as_index=False)[[value, "text_change"]].mean()
    floor = cells[cells["kind"] == "nonsense"].groupby(["seed", "label"])[value].mean().rename("floor")
    real = cells[cells["kind"] != "nonsense"].join(floor, on=["seed", "label"]).merge(words, on=["word", "label"])
    real, note = _with_truth(real)
    found = explore(
        (real[value] - real["floor"]).to_numpy(float),
        kind=real["kind"].to_numpy(str),
        truth=real["truth"].to_numpy(str),
        text_change=real["text_change"].to_numpy(float),
        pmi=real["pmi"].to_numpy(float),
        class_=real["label"].to_numpy(str),
        seed=real["seed"].to_numpy(str),
        word=real["word"].to_numpy(str),
    )
    return replace(found, notes=(*found.notes, *note))


def _with_truth(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows whose truth is known, of kinds and truths that all occur together; if there are not two, all rows and one level of truth."""
    known = rows[rows["truth"] != "unknown"]
    kinds = sorted(map(str, known["kind"].unique()))
    truths = sorted(str(truth) for truth, part in known.groupby("truth") if part["kind"].nunique() == len(kinds))
    if len(truths) > 1:
        kept = known[known["truth"].isin(truths)]
        note = f"only words whose truth is known to be {' or '.join(truths)}: kinds {', '.join(kinds)}, {len(kept)} of {len(rows)} cells"
        return kept, [note] if len(kept) < len(rows) else []
    note = "truth is left out: no two truths occur with every kind of word, so their effects cannot be separated"
    return rows.assign(truth="any"), [note] if len(set(rows["truth"])) > 1 else []
