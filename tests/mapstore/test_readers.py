"""The stored maps as others read them: pandas, Polars, DuckDB and Hugging Face datasets, without a line of ours."""

from collections.abc import Callable
from pathlib import Path

import datasets
import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gazeshift.mapstore.store import MapFile, read_maps, write_maps
from gazeshift.mapstore.write import scan_files

Columns = dict[str, list]


def _pandas(path: Path, _: Path) -> Columns:
    return pd.read_parquet(path).to_dict("list")


def _polars(path: Path, _: Path) -> Columns:
    return polars.read_parquet(path).to_dict(as_series=False)


def _duckdb(path: Path, _: Path) -> Columns:
    found = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)])
    names = [column[0] for column in found.description]
    return dict(zip(names, map(list, zip(*found.fetchall(), strict=True)), strict=True))


def _datasets(path: Path, cache: Path) -> Columns:
    return datasets.Dataset.from_parquet(str(path), cache_dir=str(cache)).to_dict()


READERS: dict[str, Callable[[Path, Path], Columns]] = {
    "pandas": _pandas,
    "polars": _polars,
    "duckdb": _duckdb,
    "datasets": _datasets,
}


def maps_of_any_range(count: int = 40, height: int = 3, width: int = 5) -> np.ndarray:
    """Signed maps from 1e-20 to 1e20, an empty one, and one with a single cell."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(count, height, width)) * 10.0 ** rng.integers(-20, 20, (count, 1, 1))
    maps[3], maps[4] = 0, np.eye(height, width)
    return maps.astype(np.float32)


def rows_of(maps: np.ndarray) -> list[dict]:
    return [
        {"key": f"a/{row // 2}.png", "text": ["", "a red donut"][row % 2], "class": "donut", "map": one}
        for row, one in enumerate(maps)
    ]


def stream(maps: np.ndarray, path: Path) -> None:
    with MapFile(path) as file:
        for row, one in enumerate(rows_of(maps)):
            file.add({name: [value] for name, value in one.items() if name != "map"}, maps[row : row + 1])


WRITERS = {"at once": lambda maps, path: write_maps(rows_of(maps), path), "one by one": stream}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("reader", READERS)
def test_everyone_reads_the_maps(tmp_path: Path, writer: str, reader: str) -> None:
    maps, path = maps_of_any_range(), tmp_path / "maps.parquet"
    WRITERS[writer](maps, path)
    found = READERS[reader](path, tmp_path / "cache")
    assert found["key"] == [row["key"] for row in rows_of(maps)]
    assert found["text"] == [row["text"] for row in rows_of(maps)]
    assert (set(found["height"]), set(found["width"])) == ({3}, {5})
    read = np.array([list(one) for one in found["map"]], np.float32).reshape(maps.shape)
    scale = np.array(found["scale"], np.float32)[:, None, None]
    np.testing.assert_array_equal(read * scale, read_maps(path)[1])
    # Half precision: half of the last of eleven bits of the largest value; thrice that is allowed.
    assert (np.abs(read * scale - maps) <= 3 * 2.0**-12 * np.abs(maps).max((1, 2), keepdims=True)).all()


def write_as_before(maps: np.ndarray, path: Path) -> None:
    """The format of gazeshift until its maps could be read by DuckDB: a column of half precision."""
    write_maps(rows_of(maps), path)
    table = pq.read_table(path)
    place = table.column_names.index("map")
    halves = table["map"].combine_chunks().flatten().to_numpy().astype(np.float16)
    column = pa.FixedSizeListArray.from_arrays(pa.array(halves), maps[0].size)
    table = table.set_column(place, "map", column)
    pq.write_table(table, path, use_dictionary=False, column_encoding={"map.list.element": "BYTE_STREAM_SPLIT"})


def test_files_of_before_are_read_to_the_same_numbers(tmp_path: Path) -> None:
    maps = maps_of_any_range()
    write_as_before(maps, tmp_path / "before.parquet")
    write_maps(rows_of(maps), tmp_path / "now.parquet")
    before, now = (read_maps(tmp_path / f"{name}.parquet") for name in ("before", "now"))
    pd.testing.assert_frame_equal(before[0], now[0])
    np.testing.assert_array_equal(before[1], now[1])
    tables = []
    for name in ("before", "now"):
        scan_files([tmp_path / f"{name}.parquet"], tmp_path / name)
        tables.append(pd.read_parquet(tmp_path / name / "cells.parquet").drop(columns="file"))
    pd.testing.assert_frame_equal(*tables)


def test_rows_written_one_by_one_are_in_as_few_row_groups_as_those_written_at_once(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        write(maps_of_any_range(), tmp_path / f"{name}.parquet")
        assert pq.ParquetFile(tmp_path / f"{name}.parquet").num_row_groups == 1
