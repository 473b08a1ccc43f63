"""A finished study lies where ``RunFolder`` says, and its units are all there."""

from pathlib import Path

import pandas as pd

from gazeshift.data.audit import read_audit
from gazeshift.records import read_record
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.runs.record import RunRecord


def test_everything_of_a_finished_study_is_where_the_folder_says(tiny_run: Path) -> None:
    run = RunFolder(tiny_run)
    record = read_record(run.record, RunRecord)
    for file in (run.study, run.summary, run.report, run.audit, run.table("predictions"), run.table("measures")):
        assert file.is_file(), file
    for folder in (run.steps, run.plates, run.cache, run.store):
        assert folder.is_dir(), folder
    units = [Unit(model.name, seed) for model in record.models for seed in record.seeds]
    for unit in units:
        seer = record.roles.names.index(unit.model)
        assert (run.model(unit) / "model.safetensors").is_file()
        assert run.log(unit).is_dir()
        assert run.part(unit, "predictions").is_file()
        assert run.maps(unit).is_file() == record.models[seer].sees_image
    known = {str(unit) for unit in units}
    assert {path.stem.removeprefix("train ") for path in run.steps.glob("train *")} == known
    tagged = pd.read_parquet(run.table("predictions"))[["model", "seed"]].drop_duplicates()
    assert {Unit(*row) for row in tagged.itertuples(index=False)} == set(units)


def test_the_audit_of_a_study_is_read_as_it_was_written(tiny_run: Path) -> None:
    record = read_record(RunFolder(tiny_run).record, RunRecord)
    audit = read_audit(RunFolder(tiny_run).audit)
    assert audit.fingerprint == record.data.fingerprint
    assert sum(audit.pairs.values()) == sum(record.data.pairs.values())
    assert audit.counts == record.data.audit
