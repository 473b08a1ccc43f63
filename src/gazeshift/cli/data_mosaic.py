"""``gazeshift data mosaic SOURCE OUT``: write mosaics of a labelled image set."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gazeshift.cli.grids import grid_of
from gazeshift.cli.printing import literal, terminal
from gazeshift.data.addresses import Root
from gazeshift.data.findings import count_kinds
from gazeshift.data.mosaic import MosaicConfig, Written, write
from gazeshift.data.mosaic.photos import RARE_CLASS
from gazeshift.data.rows import SPLITS, PairSet
from gazeshift.data.sources import load_pairs
from gazeshift.data.table_files import listed
from gazeshift.errors import UsageError


def write_mosaics(
    source: Root,
    out: Path,
    *,
    tiles: str | None,
    captions: str | None,
    options: Mapping[str, Any],
    columns: Mapping[str, Any],
    workers: int | None,
    quiet: bool,
) -> None:
    """Write mosaics of a source and report their contents, and what was left out.

    Args:
        source: the labelled photos.
        out: the folder.
        tiles: rows x columns.
        captions: the mixture, as KIND=WEIGHT,...
        options: other settings of ``MosaicConfig`` by name; None means its default.
        columns: layout and columns of the source, as ``load_pairs`` takes them.
        workers: threads; None for one per CPU.
        quiet: show no progress bar.
    """
    config = replace(MosaicConfig(), **{name: value for name, value in options.items() if value is not None})
    config = config if tiles is None else replace(config, tiles=grid_of(tiles, "--tiles"))
    config = config if captions is None else replace(config, mix=mix_of(captions))
    found = load_pairs(source, optional={"text"}, **columns)
    written = _write_with_progress(config, found, out, workers, quiet)
    for line in _summary(written, found):
        terminal().print(literal(line), soft_wrap=True)


def mix_of(given: str) -> dict[str, float]:
    """The mixture of captions that a command line gives.

    Raises:
        UsageError: something else than KIND=WEIGHT between commas.

    Example:
        >>> mix_of("class=.5,position=1")
        {'class': 0.5, 'position': 1.0}
    """
    mix: dict[str, float] = {}
    for part in given.split(","):
        kind, _, weight = part.partition("=")
        try:
            mix[kind.strip()] = float(weight)
        except ValueError:
            raise UsageError(
                f"--captions {given}: {part!r} is not KIND=WEIGHT; give for example class=.5,position=.5."
            ) from None
    return mix


def _write_with_progress(config: MosaicConfig, found: PairSet, out: Path, workers: int | None, quiet: bool) -> Written:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("mosaics", total=sum(map(config.mosaics, SPLITS)))
        return write(config, found.pairs, out, workers, progress=lambda finished: bar.advance(task, finished))


def _summary(written: Written, found: PairSet) -> list[str]:
    config, header = written.config, written.header
    counts = ", ".join(f"{config.mosaics(split):,} {split}" for split in header.photos)
    photos = ", ".join(f"{count:,} {split}" for split, count in header.photos.items())
    kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in header.caption_kinds.items())
    alone = config.image_only_ceiling(len(header.classes))
    of_one = ", all tiles of one class" if config.border_control else ""
    lines = [
        f"Wrote: {written.root} ({counts}; {'x'.join(map(str, config.tiles))} tiles{of_one})",
        f"Photos to draw from: {photos}; {len(header.classes)} classes",
        f"Captions: {kinds}",
        f"Highest possible accuracy: {alone:.3f} from the image alone, {config.ceiling:.3f} with the captions",
        *(f"Source: {note}" for note in found.notes),
    ]
    if header.left_out:
        rare = f" ({listed(header.rare_classes)})" if header.rare_classes else ""
        reasons = (f"{count:,} {why}{rare if why == RARE_CLASS else ''}" for why, count in header.left_out.items())
        lines.append(f"Photos left out: {', '.join(reasons)}")
    if found.findings:
        few = ", ".join(f"{count:,} x {kind}" for kind, count in count_kinds(found.findings).items())
        lines.append(f"Findings in the source: {few}; gazeshift data check lists them")
    return lines
