"""From files of maps to a folder of tables, written whole or not at all."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import gazeshift
from gazeshift.atomic import atomic_folder, write_json
from gazeshift.errors import UsageError
from gazeshift.json_types import Json
from gazeshift.mapstore.columns import columns_of
from gazeshift.mapstore.processes import Job, scan_all
from gazeshift.mapstore.tables import cell_table, information_table, mean_map_table, summary_of


def scan_files(
    files: Sequence[Path | str],
    out: Path | str,
    *,
    wasserstein: int = 10_000,
    seed: int = 0,
    workers: int = 2,
    rows: bool = True,
    progress: Callable[[int, int], None] = lambda rows, of: None,
) -> Json:
    """Measure files of maps and write ``cells``, ``information``, ``mean-maps`` and ``measures-<i>`` (Parquet) and ``summary.json``.

    The folder appears when everything is done. Its contents depend only on the files, ``wasserstein`` and ``seed``.

    Args:
        files: map files written by ``gazeshift maps`` or a study; one per model.
        out: a folder that does not exist or is empty.
        wasserstein: number of pairs per file for the Wasserstein distance, drawn uniformly; 0: none.
        seed: random seed of that draw.
        workers: number of files processed in parallel. With more than one, a script that calls this must keep its own work under
            ``if __name__ == "__main__":``, because the processes import it.
        rows: also write the measures of every map.
        progress: called with the number of rows done and their total.

    Returns:
        The contents of ``summary.json``.

    Raises:
        UsageError: ``out`` is in use, a file is given twice, or a number is out of range.
        DataError: a file cannot be used, before anything is measured if its columns are not those of maps; or ``out`` cannot be written.
    """
    sources = [Path(path) for path in files]
    _check(sources, wasserstein, workers)
    weights = [columns_of(path)[1] for path in sources]
    with atomic_folder(out) as unfinished:
        jobs = [
            Job(path, weight, unfinished / f"measures-{place}.parquet" if rows else None, wasserstein, seed)
            for place, (path, weight) in enumerate(zip(sources, weights, strict=True))
        ]
        scanned = scan_all(jobs, workers, progress)
        _write(cell_table(scanned), unfinished / "cells.parquet")
        _write(mean_map_table(scanned), unfinished / "mean-maps.parquet")
        _write(_table(information_table(scanned)), unfinished / "information.parquet")
        measures = {str(job.path): job.rows.name if job.rows else None for job in jobs}
        summary = {
            "gazeshift": gazeshift.__version__,
            "seed": seed,
            "files": [summary_of(one) | {"rows": measures[str(one.survey.path)]} for one in scanned],
        }
        write_json(unfinished / "summary.json", summary, indent=1)
    return summary


def _check(files: Sequence[Path], wasserstein: int, workers: int) -> None:
    if not files:
        raise UsageError("name at least one file of maps.")
    if wasserstein < 0:
        raise UsageError(f"wasserstein: {wasserstein} pairs; give 0 or more.")
    if workers < 1:
        raise UsageError(f"workers: give 1 or more, not {workers}.")
    seen: dict[Path, Path] = {}
    for path in files:
        if path.resolve() in seen:
            raise UsageError(f"{path}: given twice.")
        seen[path.resolve()] = path


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")
