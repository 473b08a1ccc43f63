"""Rows of a file of stored maps, one batch at a time: checked, in one layout, never the whole file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gazeshift.errors import DataError

NAMES = ("key", "label", "edit", "text", "class", "target")
"""Columns of words; ``label``, ``edit`` and ``target`` may be missing."""

NEEDED = ("key", "text", "class", "height", "width", "scale", "map")

BATCH = 4096
"""Rows read per chunk: bounds the memory and does not change the results."""

# By default pyarrow keeps the bytes of every row group that it has read, and reads a column of a row group at once.
_BOUNDED = {"pre_buffer": False, "buffer_size": 2**20}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.") from error
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as Parquet ({reason}).") from error


def columns_of(path: Path) -> tuple[tuple[str, ...], int]:
    """Names of the columns of a file of maps, and how many rows it has.

    Raises:
        DataError: not a Parquet file, or columns of a file of maps are missing.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name files of maps.")
    with _readable(path), pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    missing = [name for name in NEEDED if name not in schema.names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(map(repr, missing))}; name a file that gazeshift maps wrote.")
    if not pa.types.is_fixed_size_list(schema.field("map").type):
        raise DataError(f"{path}: the maps are not lists of one size; name a file that gazeshift maps wrote.")
    return tuple(schema.names), rows


def batches(path: Path, names: Sequence[str], batch: int = BATCH) -> Iterator[pa.RecordBatch]:
    """Rows in order: texts as dictionary columns; of a study's file, only the maps of the predicted class.

    Args:
        path: a file that ``columns_of`` accepts.
        names: names of the requested columns.
        batch: number of rows at a time.

    Raises:
        DataError: the file is damaged, or a requested column has an empty cell.
    """
    with _readable(path):
        stored = [field.name for field in pq.read_schema(path) if _is_text(field.type)]
    words = [name for name in NAMES if name in stored]
    with _readable(path), pq.ParquetFile(path, read_dictionary=words, **_BOUNDED) as file:
        present = file.schema_arrow.names
        wanted = [name for name in (*names, "target") if name in present]
        for rows in file.iter_batches(batch, columns=wanted, use_threads=False):
            found = _in_words(rows)
            if "target" in found.schema.names:
                found = found.filter(pc.equal(found["target"], "predicted")).drop_columns(["target"])
            empty = [name for name in found.schema.names if found[name].null_count]
            if empty:
                raise DataError(f"{path}: the column {empty[0]!r} has empty cells.")
            if len(found):
                yield found


def raw_maps(rows: pa.RecordBatch, height: int, width: int) -> np.ndarray:
    """The raw maps ``n h w`` of some rows, in float32, as ``gazeshift.mapstore.store.read_maps`` gives them."""
    values = rows["map"].flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    scale = rows["scale"].to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(-1, height, width) * scale[:, None, None]


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _in_words(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Every text column as a dictionary of strings, however it is stored."""
    kind = pa.dictionary(pa.int32(), pa.string())
    for place, name in enumerate(rows.schema.names):
        if name in NAMES and rows.schema.field(name).type != kind:
            column = rows[name]
            plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
            rows = rows.set_column(place, name, plain.cast(pa.string()).dictionary_encode())
    return rows
