"""What a run folder holds: Parquet tables and maps, each written whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float


def write_table(rows: Sequence[dict[str, Any]] | pd.DataFrame, path: Path) -> None:
    """Write a table of records as Parquet."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    _write(pa.Table.from_pandas(frame, preserve_index=False), path)


def read_tables(paths: Sequence[Path]) -> pd.DataFrame:
    """Read Parquet tables one under the other."""
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def write_maps(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write raw maps: ``map / scale`` in half precision with ``scale = max |map|`` as float32, so that any range fits.

    Args:
        rows: records whose ``map`` is an ``h w`` array; the other columns are kept as they are.
        path: the Parquet file.
    """
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "map"}
    table = _map_table(columns, np.stack([row["map"] for row in rows]))
    _write(table, path, **_map_options(table))


class MapFile:
    """Maps of a data set, written batch by batch in the format of ``write_maps``; the file has its name when it is whole.

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
        self.path = path
        self._unfinished = path.with_name(path.name + ".unfinished")
        self._writer: pq.ParquetWriter | None = None

    def add(self, columns: Mapping[str, Sequence[Any]], maps: Float[np.ndarray, "n h w"]) -> None:
        """Write some maps and what is known of each; all maps of one file have one size."""
        table = _map_table(columns, maps)
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._unfinished, table.schema, compression="zstd", **_map_options(table))
        self._writer.write_table(table)

    def __enter__(self) -> "MapFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
            if kind is None:
                self._unfinished.replace(self.path)
        finally:
            self._unfinished.unlink(missing_ok=True)


def _map_table(columns: Mapping[str, Sequence[Any]], maps: Float[np.ndarray, "n h w"]) -> pa.Table:
    maps = maps.astype(np.float32, copy=False)
    height, width = maps.shape[1:]
    scale = np.abs(maps).max((1, 2))
    scaled = maps / np.where(scale > 0, scale, 1)[:, None, None]
    rows = len(maps)
    shape = {
        "height": pa.array(np.full(rows, height, np.int32)),
        "width": pa.array(np.full(rows, width, np.int32)),
        "scale": pa.array(scale),
        "map": pa.FixedSizeListArray.from_arrays(pa.array(scaled.astype(np.float16).ravel()), height * width),
    }
    return pa.table({**columns, **shape})


def _map_options(table: pa.Table) -> dict[str, Any]:
    """Compact encodings: a dictionary for what repeats, the bytes of the maps apart from each other."""
    return {
        "use_dictionary": table.column_names[:-4],
        "column_encoding": {"map.list.element": "BYTE_STREAM_SPLIT"},
    }


def read_maps(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Read what ``write_maps`` wrote: the other columns, and the raw maps ``n h w`` in float32."""
    table = pq.read_table(path)
    height, width = table["height"][0].as_py(), table["width"][0].as_py()
    values = table["map"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    maps = values.reshape(-1, height, width) * table["scale"].to_numpy()[:, None, None]
    return table.drop_columns(["map", "scale", "height", "width"]).to_pandas(), maps


def _write(table: pa.Table, path: Path, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    pq.write_table(table, unfinished, compression="zstd", **options)
    unfinished.replace(path)
