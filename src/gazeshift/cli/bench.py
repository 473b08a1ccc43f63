"""``gazeshift bench``: how fast maps are here, compared with the forward pass and other explainers."""

import json
from collections.abc import Sequence
from dataclasses import replace

import torch
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gazeshift.bench import BenchResult, BenchSettings, all_settings, goal_settings, run_all, run_bench
from gazeshift.bench.goals import found_for
from gazeshift.errors import UsageError
from gazeshift.models.timm_nets import check_name, input_size


def bench_command(settings: BenchSettings, *, everything: bool, goals: bool, as_json: bool) -> None:
    """Measure one model, or all that we make claims about, or what our goals are about, and print one table, or JSON."""

    def announce(line: str) -> None:
        typer.echo(line, err=True)

    if everything and goals:
        raise UsageError("give --all or --goals, not both.")
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA device here.")
    if everything:
        devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
        cases = [case for device in devices for case in all_settings(replace(settings, device=device))]
        results = run_all(cases, announce)
    elif goals:
        results = run_all(goal_settings(settings), announce)
    else:
        results = [run_bench(replace(settings, size=_size(settings.model)), announce)]
    if as_json:
        plain = [result.to_dict() for result in results]
        typer.echo(json.dumps({"results": plain} if everything or goals else plain[0]))
        return
    _print(results)
    if goals:
        _print_goals(results)


def _size(model: str) -> int:
    if model == "small_cnn":
        return 96
    check_name(model)
    return input_size(model)


def _print(results: Sequence[BenchResult]) -> None:
    table = Table(title="medians", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    table.add_column("")
    for heading in ("seconds", "of the first"):
        table.add_column(heading, justify="right", no_wrap=True)
    console = Console(highlight=False)
    for result in results:
        _rows(table, result)
    console.print(table)
    for result in results:
        name = f"{result.settings.model}, {result.settings.device}: " if len(results) > 1 else ""
        for ratio, value in result.ratios.items():
            console.print(f"{name}{ratio}: {value:,.2f}")
        if result.not_offered:
            console.print(f"{name}not offered for a layer of tokens: {', '.join(result.not_offered)}")
    if not any(ratio.startswith("texts_loop") for result in results for ratio in result.ratios):
        console.print("Other explainers are not installed; they come with the extra: pip install 'gazeshift[peers]'")


def _print_goals(results: Sequence[BenchResult]) -> None:
    table = Table(title="goals", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("", "ratio", "found", "goal", ""):
        table.add_column(heading, justify="left" if heading in {"", "ratio"} else "right", no_wrap=True)
    for goal, found in found_for(results):
        name = f"{goal.model}, compiled" if goal.compiled else goal.model
        bound = f"{'at least' if goal.reach else 'at most'} {goal.bound:,}"
        table.add_row(name, goal.ratio, f"{found:,.2f}", bound, "met" if goal.met(found) else "missed")
    Console(highlight=False).print(table)


def _rows(table: Table, result: BenchResult) -> None:
    settings, outside, pipeline = result.settings, result.outside, result.pipeline
    compiled = ", compiled" if settings.compiled else ""
    ours = "" if settings.precision == "float32" else f", ours in {settings.precision}"
    table.add_row(f"[bold]{settings.model}[/], {settings.size} px, {settings.device}, float32{ours}{compiled}")
    groups = [(f"a map for each of a batch of {each.batch}", each.seconds) for each in result.batches]
    groups += [(f"{each.texts:,} texts on one image, +{each.memory_mb:.0f} MB", each.seconds) for each in result.texts]
    if outside is not None:
        groups.append((f"a map for each of {outside.batch}, as from outside", outside.seconds))
    if pipeline is not None:
        groups.append((f"{pipeline.images} photos of {pipeline.kb:.0f} kB", pipeline.seconds))
    for title, seconds in groups:
        first = next(iter(seconds.values()))
        for index, (name, value) in enumerate(seconds.items()):
            table.add_row("" if index else title, name, f"{value:.3f}", f"{value / first:,.2f}")
    table.add_section()
