"""Bytes per stored map, in today's format and in others, and which libraries read each.

``python benchmarks/map_store.py RUN_OR_MAPS.parquet...``

Takes the maps of a run folder, or of files that ``gazeshift maps`` wrote, and writes their columns ``map`` and ``scale`` in several
encodings. Readers other than pandas are tried if they are installed (they come with the group ``dev``).
"""
# ruff: noqa: T201, PLC0415

import argparse
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gazeshift.mapstore.store import GROUP, read_maps, write_maps

SPLIT = "BYTE_STREAM_SPLIT"
Column = Callable[[np.ndarray], pa.Array]
FORMATS: dict[str, tuple[Column, str | None]] = {
    "half-precision column, bytes apart (until 2026)": (pa.array, SPLIT),
    "half-precision column, plain": (pa.array, None),
    "half-precision values as float32, plain": (lambda half: pa.array(half.astype(np.float32)), None),
    "int16 of 32,767 steps, bytes apart": (lambda half: pa.array(_steps(half)), SPLIT),
    "int16 of 32,767 steps, differences": (lambda half: pa.array(_steps(half)), "DELTA_BINARY_PACKED"),
    "half-precision values as float32, bytes apart": (lambda half: pa.array(half.astype(np.float32)), SPLIT),
}


def _steps(half: np.ndarray) -> np.ndarray:
    return np.round(half.astype(np.float32) * 32767).astype(np.int16)


def _duckdb(path: Path) -> None:
    import duckdb

    duckdb.connect().execute("SELECT map FROM read_parquet(?)", [str(path)]).fetchnumpy()


def _polars(path: Path) -> None:
    import polars

    polars.read_parquet(path)


def _datasets(path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        datasets.Dataset.from_parquet(str(path), cache_dir=cache).to_dict()


READERS: dict[str, Callable[[Path], object]] = {
    "pandas": pd.read_parquet,
    "polars": _polars,
    "duckdb": _duckdb,
    "datasets": _datasets,
}


def readers_of(path: Path) -> str:
    """Which libraries read a file, and which do not."""
    found = []
    for name, read in READERS.items():
        if find_spec(name) is None:
            continue
        try:
            read(path)
            found.append(name)
        except Exception:  # whatever a reader raises, it cannot read this
            found.append(f"NOT {name}")
    return ", ".join(found)


def compare(maps: np.ndarray) -> None:
    """Print a line per format."""
    scale = np.abs(maps).max((1, 2))
    half = (maps / np.where(scale > 0, scale, 1)[:, None, None]).astype(np.float16)
    cells = maps[0].size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "maps.parquet"
        for name, (column, encoding) in FORMATS.items():
            maps_column = pa.FixedSizeListArray.from_arrays(column(half.ravel()), cells)
            table = pa.table({"scale": pa.array(scale), "map": maps_column})
            options = {"column_encoding": {"map.list.element": encoding}} if encoding else {}
            pq.write_table(table, path, compression="zstd", use_dictionary=False, row_group_size=GROUP, **options)
            print(f"  {path.stat().st_size / len(maps):7.1f}  {name}: {readers_of(path)}")
        write_maps([{"map": one} for one in maps], path)
        print(
            f"  {path.stat().st_size / len(maps):7.1f}  as gazeshift writes it, with height and width: {readers_of(path)}"
        )


def main() -> None:
    """Compare the formats on the maps of each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or files of maps")
    for run in parser.parse_args().runs:
        files = [run] if run.is_file() else sorted(run.glob("store/maps/*/seed-*.parquet"))
        maps = np.concatenate([read_maps(path)[1] for path in files])
        print(f"{run.name}: {len(maps):,} maps of {maps.shape[1]} x {maps.shape[2]} cells; bytes per map")
        compare(maps)


if __name__ == "__main__":
    main()
