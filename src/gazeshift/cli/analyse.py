"""``gazeshift analyse``: from stored maps to tables."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gazeshift.study.scan import scan_files

_SHOWN = ("centre_bias", "coverage", "js_bits", "wasserstein", "switched")


def analyse_maps(
    files: Sequence[Path], out: Path, *, wasserstein: int, seed: int, workers: int, rows: bool, as_json: bool
) -> None:
    """Measure stored maps, write the tables, print the means."""
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=12), TextColumn("ETA"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Maps", total=None)
        summary = scan_files(
            files,
            out,
            wasserstein=wasserstein,
            seed=seed,
            workers=workers,
            rows=rows,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    seconds = time.perf_counter() - started
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    _print(summary, out, seconds)


def _print(summary: dict[str, Any], out: Path, seconds: float) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("file")
    for heading in ("images", "texts", "maps", "undefined", *_SHOWN, "static share"):
        table.add_column(heading, justify="right")
    for one in summary["files"]:
        means = [one["measures"][name]["mean"] for name in _SHOWN]
        split = one["information"].get("all", one["information"]["first"])
        share = split["static"] / split["total"] if split["total"] else None
        table.add_row(
            escape(one["file"]),
            *(f"{one[name]:,}" for name in ("images", "texts", "maps")),
            f"{one['undefined'] / one['maps']:.2%}",
            *("" if mean is None else f"{mean:.4f}" for mean in (*means, share)),
        )
    console.print(table)
    drawn = ", ".join(f"{one['wasserstein']['pairs']:,} of {one['pairs']:,}" for one in summary["files"])
    console.print(f"Wasserstein-1 on a random sample of the pairs: {drawn} (seed {summary['seed']}); all else on all.")
    maps = sum(one["maps"] for one in summary["files"])
    console.print(f"{escape(str(out))}: {maps:,} maps in {seconds:,.1f} s, {maps / seconds:,.0f} maps a second")
