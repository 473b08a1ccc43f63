"""``gazeshift analyse``: from stored maps to tables."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gazeshift.cli.places import check_new_folder
from gazeshift.json_types import Json
from gazeshift.mapstore.write import scan_files
from gazeshift.measures import static_share

_SHOWN = ("centre_bias", "coverage", "js_bits", "wasserstein", "switched")


def analyse_maps(
    maps: Sequence[Path],
    out: Path,
    *,
    wasserstein: int,
    seed: int,
    threads: int | None,
    memory: str,
    rows: bool,
    as_json: bool,
) -> None:
    """Measure stored maps, write the tables, print the means."""
    check_new_folder(out)
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=12), TextColumn("ETA"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Maps", total=None)
        summary = scan_files(
            maps,
            out,
            wasserstein=wasserstein,
            seed=seed,
            threads=threads,
            memory=memory,
            rows=rows,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    seconds = time.perf_counter() - started
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    _print(summary, out, seconds)


def _print(summary: Json, out: Path, seconds: float) -> None:
    for one in summary["files"]:
        height, width = one["grid"]
        typer.echo(
            f"{one['file']}: {one['images']:,} images, {one['texts']:,} texts, {one['maps']:,} maps of {height} x {width} cells, "
            f"{one['undefined'] / one['maps']:.2%} without positive evidence"
        )
        if one["left_out"]:
            why = ", ".join(f"{rows:,} {status}" for status, rows in one["left_out"].items())
            typer.echo(f"  left out: rows without a map: {why}")
        means = {name: one["measures"][name]["mean"] for name in _SHOWN}
        split = one["information"].get("all", one["information"]["first"])
        share = static_share(np.array([split["static"]], float), np.array([split["total"]], float))[0]
        means["static share of the information"] = None if np.isnan(share) else float(share)
        typer.echo("  means: " + ", ".join(f"{name} {mean:.4f}" for name, mean in means.items() if mean is not None))
        drawn = one["wasserstein"]
        if drawn["pairs"]:
            rate = f"{drawn['rate']:.2%}"
            typer.echo(
                f"  wasserstein: a random {drawn['pairs']:,} of {one['pairs']:,} pairs ({rate}, seed {summary['seed']})"
            )
    maps = sum(one["maps"] for one in summary["files"])
    typer.echo(f"{out}: {maps:,} maps in {seconds:,.1f} s, {maps / seconds:,.0f} maps a second")
