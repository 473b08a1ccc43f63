"""From stored maps to a folder of tables, written whole or not at all."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

import gazeshift
from gazeshift.atomic import atomic_folder, write_json
from gazeshift.errors import UsageError
from gazeshift.json_types import Json
from gazeshift.mapstore.query import database
from gazeshift.mapstore.scan import Scanned, scan
from gazeshift.mapstore.source import Source, find_source
from gazeshift.mapstore.survey import survey
from gazeshift.mapstore.tables import cell_table, information_table, mean_map_table, summary_of


def scan_files(
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    wasserstein: int = 10_000,
    seed: int = 0,
    threads: int | None = None,
    memory: str = "1GB",
    rows: bool = True,
    progress: Callable[[int, int], None] = lambda rows, of: None,
) -> Json:
    """Measure stored maps and write ``cells``, ``information``, ``mean-maps`` and ``measures-<i>`` (Parquet) and ``summary.json``.

    The folder appears when everything is done. Its contents depend only on the maps, ``wasserstein`` and ``seed``.

    Args:
        paths: files or folders of maps written by ``gazeshift maps``, or a study's files of maps; one per model.
        out: a folder that does not exist or is empty.
        wasserstein: number of pairs per path for the Wasserstein distance, drawn uniformly; 0: none.
        seed: random seed of that draw.
        threads: threads to measure and query with; None: one per processor.
        memory: most memory for queries, such as ``1GB``; what needs more goes through ``out``'s disk.
        rows: also write the measures of every map.
        progress: called with the number of maps done and their total.

    Returns:
        The contents of ``summary.json``.

    Raises:
        UsageError: ``out`` is in use, a path is given twice, or a number is out of range.
        DataError: maps cannot be used, before anything is measured if their columns are not those of maps; or ``out`` cannot be written.
    """
    places = [Path(path) for path in paths]
    threads = (os.cpu_count() or 1) if threads is None else threads
    _check(places, wasserstein, threads)
    sources = [find_source(path) for path in places]
    total = sum(_rows(source.files) for source in sources)
    done = 0

    def count(maps: int) -> None:
        nonlocal done
        done += maps
        progress(done, total)

    def scanned_of(source: Source, measures: Path) -> Scanned:
        with database(source.path, unfinished, threads, memory) as db:
            found = survey(db, source, wasserstein, seed)
            return scan(db, found, measures, threads=threads, progress=count)

    with atomic_folder(out) as unfinished:
        measures = [unfinished / f"measures-{place}.parquet" for place in range(len(sources))]
        scanned = [scanned_of(*each) for each in zip(sources, measures, strict=True)]
        tables = {"cells": cell_table, "mean-maps": mean_map_table, "information": information_table}
        for name, table in tables.items():
            pq.write_table(table(scanned), unfinished / f"{name}.parquet", compression="zstd")
        names = [path.name if rows else None for path in measures]
        summaries = [summary_of(one) | {"rows": name} for one, name in zip(scanned, names, strict=True)]
        summary = {"gazeshift": gazeshift.__version__, "seed": seed, "files": summaries}
        write_json(unfinished / "summary.json", summary, indent=1)
        for path in () if rows else measures:
            path.unlink()
    return summary


def _check(paths: Sequence[Path], wasserstein: int, threads: int) -> None:
    if not paths:
        raise UsageError("name at least one file of maps.")
    if wasserstein < 0:
        raise UsageError(f"wasserstein: {wasserstein} pairs; give 0 or more.")
    if threads < 1:
        raise UsageError(f"threads: give 1 or more, not {threads}.")
    seen: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"{path}: given twice.")
        seen[path.resolve()] = path


def _rows(paths: Iterable[Path]) -> int:
    return sum(pq.read_metadata(path).num_rows for path in paths)
