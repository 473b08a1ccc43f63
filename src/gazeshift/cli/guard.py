"""``gazeshift guard``: fail if a new checkpoint reads the text more, or looks at the thing less, than the one before."""

import json
import sys
from pathlib import Path

import typer

from gazeshift.atomic import write_json
from gazeshift.cli.maps import pairs_for
from gazeshift.cli.opening import open_model
from gazeshift.data.addresses import Root
from gazeshift.errors import DataError, UsageError
from gazeshift.evaluation.guard import Change, GuardRecord, compare, record
from gazeshift.models.addresses import Address
from gazeshift.records import read_record
from gazeshift.study.pairs import evenly
from gazeshift.training.progress import bar


def guard_model(
    address: Address,
    root: Root,
    baseline: Path,
    *,
    split: str,
    images: int,
    method: str,
    margin: float,
    anew: bool,
    as_json: bool,
) -> None:
    """Record a baseline where there is none; else compare with it, and end with exit code 1 if something got worse."""
    if not baseline.parent.is_dir():
        raise UsageError(f"--baseline {baseline}: the folder {baseline.parent} does not exist.")
    if baseline.suffix != ".json":
        raise UsageError(f"--baseline {baseline}: a record is written as JSON; give a name that ends in .json.")
    before = _read(baseline) if baseline.exists() else None
    model = open_model(address)
    every = pairs_for(model, root, split, ())
    pairs = evenly(every, images)
    with bar(sys.stderr.isatty()) as progress:
        task = progress.add_task("Pairs", total=len(pairs))
        found = record(
            model,
            pairs,
            every,
            sorted({pair.label for pair in every}),
            method,
            lambda done: progress.update(task, completed=done),
        )
    if before is None or anew:
        write_json(baseline, found.model_dump(mode="json"), indent=1)
        nothing = "; there is nothing to compare with yet" if before is None else ", in the place of an earlier record"
        typer.echo(f"{baseline}: recorded {model.name} on {len(pairs)} pairs{nothing}.")
        return
    changes = compare(before, found, margin)
    _tell(before, changes, as_json)
    if any(change.worse for change in changes):
        raise typer.Exit(1)


def _read(baseline: Path) -> GuardRecord:
    try:
        return read_record(baseline, GuardRecord)
    except DataError as error:
        raise DataError(f"{baseline}: is not the record of a guard; name another file, or delete this one.") from error


def _tell(before: GuardRecord, changes: tuple[Change, ...], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "measure": each.measure,
                "before": each.before,
                "after": each.after,
                "difference": each.difference.mean,
                "interval": each.difference.interval,
                "floor": each.floor,
                "worse": each.worse,
                "verdict": each.verdict,
            }
            for each in changes
        ]
        typer.echo(json.dumps({"baseline": before.digest, "changes": rows}))
        return
    for each in changes:
        typer.echo(f"{each.verdict}: {each.sentence}.")
