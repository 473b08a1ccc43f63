"""What a run folder holds: Parquet tables and maps, each written whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from gazeshift.atomic import atomic_write
from gazeshift.json_types import Options
from gazeshift.mapstore.growing import growing_table

GROUP = 4096
"""Minimum number of maps per row group; in groups of eight, a batch of ``gazeshift maps``, a map takes more than three times the bytes."""


Row = dict[str, object]
"""A row of a table, by column."""


def write_table(rows: Sequence[Row] | pd.DataFrame, path: Path) -> None:
    """Write a table of records as Parquet."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    _write(pa.Table.from_pandas(frame, preserve_index=False), path)


def read_tables(paths: Sequence[Path]) -> pd.DataFrame:
    """Read and concatenate Parquet tables."""
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def write_maps(rows: Sequence[Row], path: Path) -> None:
    """Write raw maps: ``map / scale``, rounded to half precision, with ``scale = max |map|`` as float32, so that any range fits.

    pandas, Polars, DuckDB and Hugging Face ``datasets`` read the columns ``map`` (row by row) and ``scale`` directly.

    Args:
        rows: records with an ``h w`` array as ``map``; the other columns are kept unchanged. Maps of different sizes are lists of different
            lengths, each with its height and width.
        path: the Parquet file.
    """
    by_size: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        by_size.setdefault(np.asarray(row["map"]).shape, []).append(row)
    tables = [_table_of(some) for some in by_size.values()]
    if len(tables) > 1:
        lists = pa.list_(pa.float32())
        place = tables[0].schema.get_field_index("map")
        tables = [table.set_column(place, "map", table["map"].cast(lists)) for table in tables]
    table = pa.concat_tables(tables)
    _write(table, path, **_map_options(table))


def _table_of(rows: Sequence[Row]) -> pa.Table:
    """Maps of one size."""
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "map"}
    return _map_table(columns, np.stack([np.asarray(row["map"]) for row in rows]))


class MapFile:
    """Maps of a data set, written batch by batch in the format of ``write_maps``; the file gets its name when complete.

    Args:
        path: the Parquet file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "maps.parquet"
        >>> with MapFile(path) as file:
        ...     file.add({"key": ["a"]}, np.ones((1, 2, 2)))
        ...     file.add({"key": ["b"]}, np.zeros((1, 2, 2)))
        >>> read_maps(path)[0]["key"].tolist()
        ['a', 'b']
    """

    def __init__(self, path: Path) -> None:
        self._file = growing_table(path, GROUP, _map_options)

    def add(self, columns: Mapping[str, Sequence[Any]], maps: Float[np.ndarray, "n h w"]) -> None:
        """Write some maps and their other columns; all maps of one file have the same size."""
        self._append(_map_table(columns, maps))

    def __enter__(self) -> "MapFile":
        self._append = self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)


def _map_table(columns: Mapping[str, Sequence[Any]], maps: Float[np.ndarray, "n h w"]) -> pa.Table:
    maps = maps.astype(np.float32, copy=False)
    height, width = maps.shape[1:]
    scale = np.abs(maps).max((1, 2))
    scaled = maps / np.where(scale > 0, scale, 1)[:, None, None]
    rows = len(maps)
    halves = scaled.astype(np.float16).astype(np.float32)
    shape = {
        "height": pa.array(np.full(rows, height, np.int32)),
        "width": pa.array(np.full(rows, width, np.int32)),
        "scale": pa.array(scale),
        "map": pa.FixedSizeListArray.from_arrays(pa.array(halves.ravel()), height * width),
    }
    return pa.table({**columns, **shape})


def _map_options(table: pa.Table) -> Options:
    """Compact encodings: a dictionary for repeated values, split byte streams for the maps.

    Half-precision values in a single-precision column: their split bytes compress to within a few per cent of a half-precision
    column's (benchmarks/map_store.py), which DuckDB cannot read in this encoding.
    """
    return {
        "use_dictionary": table.column_names[:-4],
        "column_encoding": {"map.list.element": "BYTE_STREAM_SPLIT"},
    }


def read_maps(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Read what ``write_maps`` wrote: the other columns, and the raw maps ``n h w`` in float32."""
    table = pq.read_table(path)  # the maps of older files are a column of half precision
    height, width = table["height"][0].as_py(), table["width"][0].as_py()
    values = table["map"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    maps = values.reshape(-1, height, width) * table["scale"].to_numpy()[:, None, None]
    return table.drop_columns(["map", "scale", "height", "width"]).to_pandas(), maps


def _write(table: pa.Table, path: Path, **options: Any) -> None:
    with atomic_write(path, parents=True) as file:
        pq.write_table(table, file, compression="zstd", **options)
