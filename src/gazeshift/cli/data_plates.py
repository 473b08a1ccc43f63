"""``gazeshift data plates OUT``: write a Plates data set."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gazeshift.data.plates import PlatesConfig, Written, write
from gazeshift.errors import UsageError
from gazeshift.yaml_text import read_yaml


def write_plates(
    out: Path,
    options: Mapping[str, Any],
    kappa_distractor: float | None,
    settings: Sequence[str],
    workers: int | None,
    quiet: bool,
) -> None:
    """Write a Plates data set and report its contents.

    Args:
        out: the folder.
        options: settings of ``PlatesConfig`` by name; None means its default.
        kappa_distractor: None means the same as ``kappa_target``.
        settings: any others, as NAME=VALUE.
        workers: processes; None for one per core, at most 8.
        quiet: show no progress bar.
    """
    default = PlatesConfig().to_dict()
    values = default | {name: value for name, value in options.items() if value is not None}
    values["kappa_distractor"] = values["kappa_target"] if kappa_distractor is None else kappa_distractor
    config = PlatesConfig.from_dict(values | dict(map(_setting, settings)))
    written = _write_with_progress(config, out, workers or min(8, os.cpu_count() or 1), quiet)
    Console(highlight=False, soft_wrap=True).print(_summary(written), markup=False)


def _setting(text: str) -> tuple[str, Any]:
    """``name=value`` with the value read as YAML."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: write it as NAME=VALUE.")
    return name.strip(), read_yaml(value, f"--set {name.strip()}")


def _write_with_progress(config: PlatesConfig, out: Path, workers: int, quiet: bool) -> Written:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("scenes", total=config.train + config.test)
        return write(config, out, workers, progress=lambda finished: bar.advance(task, finished))


def _summary(written: Written) -> str:
    scenes = ", ".join(f"{count:,} {split}" for split, count in written.scenes.items())
    kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in written.kinds.items())
    ceiling = f"{written.ceiling:.3f}"
    if written.test_ceiling != written.ceiling:
        ceiling += f" (test: {written.test_ceiling:.3f})"
    done = "Already there, nothing written" if written.reused else "Wrote"
    return (
        f"{done}: {written.root} ({scenes})\nTitles: {kinds}\nHighest possible accuracy from the image alone: {ceiling}"
    )
