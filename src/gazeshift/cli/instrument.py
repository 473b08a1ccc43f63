"""``gazeshift instrument``: does the instrument show the known answer? Expected against found, row by row."""

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gazeshift.atomic import write_json
from gazeshift.cli.places import check_new_file
from gazeshift.instrument import RowResult, run_instrument
from gazeshift.json_types import Json
from gazeshift.models import versions


@dataclass(frozen=True)
class _Record:
    """The rows that were measured, and in which world."""

    world: str
    seeds: tuple[int, ...]
    results: tuple[RowResult, ...]
    seconds: float

    @property
    def as_expected(self) -> bool:
        return all(result.met for result in self.results)

    def to_dict(self) -> Json:
        """For JSON, with the date, the machine and the versions it was measured on."""
        return {
            "world": self.world,
            "seeds": list(self.seeds),
            "as_expected": self.as_expected,
            "rows": [result.to_dict() for result in self.results],
            "seconds": self.seconds,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"platform": platform.platform(), "threads": torch.get_num_threads()},
            "versions": versions(),
        }


def instrument_command(quick: bool, only: Sequence[str], seeds: int, as_json: bool, out: Path | None) -> int:
    """Run the table, print it, and return the exit code: 1 if something is not as expected."""
    if out is not None:
        check_new_file(out)
    world, started = "oracle" if quick else "pictures", time.perf_counter()
    results = run_instrument(world, range(seeds), only, _say)
    record = _Record(world, tuple(range(seeds)), tuple(results), time.perf_counter() - started)
    plain = record.to_dict()
    if out is not None:
        write_json(out, plain, indent=2)
    if as_json:
        typer.echo(json.dumps(plain))
    else:
        _print(record)
    return 0 if record.as_expected else 1


def _say(what: str | RowResult) -> None:
    """Progress, on standard error."""
    if isinstance(what, RowResult):
        what = f"{what.name}: {'as expected' if what.met else 'NOT as expected'} ({what.seconds:.0f} s)"
    typer.echo(what, err=True)


_TRUNKS = {"pictures": "rendered pictures, trained trunk", "oracle": "oracle trunk, which sees every dish perfectly"}


def _print(record: _Record) -> None:
    results = record.results
    several = f", {len(record.seeds)} seeds" if len(record.seeds) > 1 else ""
    table = Table(
        title=f"The instrument on Plates: {_TRUNKS[record.world]}{several}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for heading, side in (
        ("setting", "left"),
        ("quantity", "left"),
        ("expected", "left"),
        ("found", "right"),
        ("", "left"),
    ):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for result in results:
        for place, check in enumerate(result.checks):
            title = result.title if not place else ""
            found = "  ".join(map(_number, check.found))
            table.add_row(
                title, check.expectation.quantity, str(check.expectation), found, "ok" if check.met else "MISSED"
            )
        table.add_section()
    console = Console(highlight=False)
    console.print(table)
    missed = [result.title for result in results if not result.met]
    total = sum(len(result.checks) for result in results)
    verdict = f"Not as expected: {'; '.join(missed)}." if missed else f"All {total} quantities are as expected."
    console.print(f"{verdict} {record.seconds / 60:.1f} minutes. --json prints all measurements.")


def _number(value: float) -> str:
    return "undefined" if value != value else f"{value:.3g}"  # noqa: PLR0124  # NaN is not itself
