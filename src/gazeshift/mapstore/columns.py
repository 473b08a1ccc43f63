"""Rows of stored maps, one batch at a time: checked, in one layout, never a whole file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gazeshift.errors import DataError
from gazeshift.mapstore.source import Source, readable

WORDS = ("key", "label", "edit", "text", "class")
"""Columns of words, each a dictionary; ``label`` and ``edit`` may be null."""

BATCH = 4096
"""Rows read per chunk: bounds the memory and does not change the results."""

PLACES = 2**40
"""The place of a row is its number in its file plus this times the number of the file, as in ``sql/rows.sql``."""

_WORD = pa.dictionary(pa.int32(), pa.string())

# By default pyarrow keeps the bytes of every row group that it has read, and reads a column of a row group at once.
_BOUNDED = {"pre_buffer": False, "buffer_size": 2**20}


def batches(source: Source, target: str | None, batch: int = BATCH) -> Iterator[pa.RecordBatch]:
    """Maps in order, with the columns ``WORDS``, ``place``, ``scale``, ``map``, and ``text_index`` where the files have it.

    DuckDB could read them too, but not the half precision of older files, and not without decoding every word.

    Args:
        source: where the maps are.
        target: the target whose maps are wanted; None: all.
        batch: number of rows at a time.

    Raises:
        DataError: a file is damaged, has an empty cell, or lacks a text.
    """
    for number, path in enumerate(source.files):
        texts = _texts(source.texts[number]) if source.texts else None
        with readable(path):
            schema = pq.read_schema(path)
        stored = schema.names
        words = [name for name in (*WORDS, "target", "status") if name in stored and _is_text(schema.field(name).type)]
        wanted = [
            name for name in (*WORDS, "scale", "map", "target", "status", "text_index", "text_id") if name in stored
        ]
        place = number * PLACES
        with readable(path), pq.ParquetFile(path, read_dictionary=words, **_BOUNDED) as file:
            for rows in file.iter_batches(batch, columns=wanted, use_threads=False):
                places = pa.array(np.arange(place, place + len(rows)))
                place += len(rows)
                found = _chosen(rows.append_column("place", places), target)
                if len(found):
                    yield _checked(path, found if texts is None else _with_text(path, found, texts))


def raw_maps(rows: pa.RecordBatch, height: int, width: int) -> np.ndarray:
    """The raw maps ``n h w`` of some rows, in float32, as ``gazeshift.mapstore.store.read_maps`` gives them.

    Raises:
        ValueError: some map has another size.
    """
    values = rows["map"].flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    scale = rows["scale"].to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(len(rows), height, width) * scale[:, None, None]


def _texts(path: Path) -> pa.Table:
    """The texts of a shard, in the order of their numbers."""
    with readable(path):
        return pq.read_table(path, columns=["text_id", "text"]).sort_by("text_id").combine_chunks()


def _chosen(rows: pa.RecordBatch, target: str | None) -> pa.RecordBatch:
    for name, value in (("status", "ok"), ("target", target)):
        if name in rows.schema.names:
            rows = rows if value is None else rows.filter(pc.equal(rows[name], value))
            rows = rows.drop_columns([name])
    return rows


def _with_text(path: Path, rows: pa.RecordBatch, texts: pa.Table) -> pa.RecordBatch:
    """The rows with the texts that they refer to."""
    numbers, wanted = texts["text_id"].to_numpy(), rows["text_id"].to_numpy()
    places = np.searchsorted(numbers, wanted)
    if not len(numbers) or not np.array_equal(numbers[np.minimum(places, len(numbers) - 1)], wanted):
        raise DataError(f"{path}: refers to texts that {path.parents[1] / 'texts' / path.name} does not hold.")
    words = texts["text"].chunk(0).take(pa.array(places)).dictionary_encode()  # only those of these rows
    return rows.drop_columns(["text_id"]).append_column("text", words)


def _checked(path: Path, rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with every word as a dictionary of strings, however it is stored."""
    words = [_in_words(rows, name) for name in WORDS]
    others = [name for name in ("place", "scale", "map", "text_index") if name in rows.schema.names]
    for name in others:
        if rows[name].null_count:
            raise DataError(f"{path}: the column {name!r} has empty cells.")
    return pa.RecordBatch.from_arrays([*words, *(rows[name] for name in others)], names=[*WORDS, *others])


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _in_words(rows: pa.RecordBatch, name: str) -> pa.Array:
    if name not in rows.schema.names:
        return pa.nulls(len(rows), _WORD)
    column = rows[name]
    if column.type == _WORD:
        return column
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return plain.cast(pa.string()).dictionary_encode()
