"""``gazeshift calibrate``: whether the primary interval keeps its error rates, by simulation."""

import json
from collections.abc import Callable, Sequence

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gazeshift.statistics import Calibration, calibrate
from gazeshift.statistics.rates import COVERAGE, FALSE_POSITIVES, Point
from gazeshift.statistics.scenarios import SCENARIOS

MIN_DRAWS = 2000
"""With fewer draws than this, a missed target says little."""

_Rate = Callable[[Point], float]


def calibrate_command(draws: int, seed: int, as_json: bool) -> int:
    """Print one table and the targets, or JSON; 1 if a target is missed."""
    found = calibrate(draws, seed)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        _show(found)
    return 1 if found.missed else 0


def _show(found: Calibration) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(found))
    low, high = FALSE_POSITIVES
    console.print(
        f"Targets, but for {', '.join(name for name, scenario in SCENARIOS.items() if not scenario.held)}: false positives {low:.0%} to "
        f"{high:.0%}; coverage {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%} where no component is zero, at least {COVERAGE[0]:.0%} where one is."
    )
    console.print(
        f"A rate misses a target if it lies beyond it by more than two standard errors of {found.draws:,} draws. Components, for seeds and "
        "for classes: " + ", ".join(f"{value:g}" for value in _components(found)) + " times the residual's variance."
    )
    console.print(
        f"Bootstrap: {found.bootstrap_tables} tables, {found.bootstrap_draws} draws each. Images alone: {found.images_per_class} a class."
    )
    if found.draws < MIN_DRAWS:
        console.print(
            f"With fewer than {MIN_DRAWS:,} draws some of the {len(found.points)} points miss by chance: a preview, not a verdict."
        )
    console.print("All targets hold." if not found.missed else f"{len(found.missed)} points miss a target:")
    for line in found.missed:
        console.print(f"  {line}")


def _table(found: Calibration) -> Table:
    table = Table(
        title=f"Interval over seeds and classes, {found.draws:,} draws, seed {found.seed}",
        caption="Lowest-highest rate in % over the variance components; +: none is zero, 0: one or both are zero.\n"
        "cover 0: lowest. bootstrap, images: highest false-positive rate.",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("scenario", no_wrap=True)
    headings = ("false\npos. +", "false\npos. 0", "coverage\n+", "cover\n0", "boot-\nstrap", "images")
    for heading in ("seeds x\nclasses", *headings):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, seeds, classes in dict.fromkeys((point.scenario, point.seeds, point.classes) for point in found.points):
        here = [
            point for point in found.points if (point.scenario, point.seeds, point.classes) == (name, seeds, classes)
        ]
        full, zero = [point for point in here if point.full], [point for point in here if not point.full]
        table.add_row(
            name,
            f"{seeds} x {classes}",
            *(_range(part, lambda point: point.interval.false_positives) for part in (full, zero)),
            _range(full, lambda point: point.interval.coverage),
            f"{100 * min(point.interval.coverage for point in zero):.1f}",
            f"{100 * max(point.bootstrap.false_positives for point in here):.1f}",
            f"{100 * max(point.images.false_positives for point in here):.1f}",
        )
    return table


def _range(points: Sequence[Point], rate: _Rate) -> str:
    rates = [100 * rate(point) for point in points]
    return f"{min(rates):.1f}-{max(rates):.1f}"


def _components(found: Calibration) -> list[float]:
    return sorted({point.seed_component for point in found.points})
