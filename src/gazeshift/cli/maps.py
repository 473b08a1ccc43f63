"""``gazeshift maps``: the maps of a whole data set in one file."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import typer

from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, UsageError
from gazeshift.models import load
from gazeshift.saliency import Speed
from gazeshift.study.collect import collect_maps
from gazeshift.training.device import on_device
from gazeshift.training.progress import bar

_SHOWN = 5


def store_maps(
    folder: Path, root: Path, split: str, out: Path, *, texts: Sequence[str], method: str, speed: Speed
) -> None:
    """Store the maps of a split's images, each with its own text or all with the same texts."""
    if out.suffix != ".parquet":
        raise UsageError(f"--out {out}: the maps are a Parquet file; give a name that ends in .parquet.")
    if out.is_dir() or not out.parent.is_dir():
        raise UsageError(
            f"--out {out}: is a folder." if out.is_dir() else f"--out {out}: there is no folder {out.parent}."
        )
    model = load(folder)
    pairs = [pair for pair in load_pairs(root).pairs if split in {"all", pair.split}]
    if not pairs:
        raise DataError(f"{root}: no pairs in the split {split!r}; give --split train, validation, test or all.")
    started = time.perf_counter()
    with on_device(model), bar(sys.stderr.isatty()) as progress:
        task = progress.add_task("Maps", total=len(pairs))
        found = collect_maps(
            model, pairs, out, list(texts) or None, method, speed, lambda done: progress.update(task, completed=done)
        )
    seconds = time.perf_counter() - started
    for line in found.skipped[:_SHOWN]:
        typer.echo(f"left out: {line}", err=True)
    if len(found.skipped) > _SHOWN:
        typer.echo(f"left out: {len(found.skipped) - _SHOWN} more images that cannot be decoded", err=True)
    if not found.images:
        raise DataError(f"{root}: no image of the split {split!r} can be decoded.")
    typer.echo(
        f"{out}: {found.maps:,} maps of {found.images:,} images ({found.undefined:,} without positive evidence), "
        f"{found.images / seconds:,.1f} images a second"
    )
