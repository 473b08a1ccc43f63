"""A shard of stored maps: one Parquet file for some consecutive pairs, and one with the texts that it names by number."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Bool, Float

from gazeshift.atomic import atomic_write
from gazeshift.errors import DataError
from gazeshift.json_types import Json

WORDS = ("key", "label", "edit", "target", "class", "status", "error", "model")
COLUMNS: Mapping[str, pa.DataType] = {
    "image": pa.int64(),
    "key": pa.string(),
    "label": pa.string(),
    "edit": pa.string(),
    "text_index": pa.int32(),
    "text_id": pa.int64(),
    "target": pa.string(),
    "class": pa.string(),
    "logit": pa.float32(),
    "probability": pa.float32(),
    "status": pa.string(),
    "error": pa.string(),
    "model": pa.string(),
}
"""What stands beside a map (``height``, ``width``, ``scale``, ``map``); docs/store.md says what each means."""

OK = "ok"
GROUP = 2048
"""Maps per row group: one map is read by reading its group."""

_NOTE = b"gazeshift"


def text_id(text: str) -> int:
    """The number that stands for a text: the first 8 bytes of its SHA-256, as a signed number.

    Example:
        >>> text_id("") == text_id(""), text_id("a") == text_id("b")
        (True, False)
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


@dataclass(frozen=True)
class ShardFiles:
    """The two files of a shard.

    Attributes:
        maps: the maps.
        texts: the texts.
    """

    maps: Path
    texts: Path


def map_columns(maps: Float[np.ndarray, "m h w"], there: Bool[np.ndarray, " n"]) -> dict[str, pa.Array]:
    """Raw maps as columns: ``map / scale`` rounded to half precision, with ``scale = max |map|`` in float32, so that any range fits.

    Half-precision values in a column of single precision: with their bytes apart they compress to within a few per cent of a column of
    half precision, which DuckDB cannot read (benchmarks/map_store.py).

    Args:
        maps: of the rows that have one, in order.
        there: which rows have a map; the others are null.

    Example:
        >>> columns = map_columns(np.ones((1, 1, 2)), np.array([True, False]))
        >>> columns["map"].to_pylist(), columns["scale"].to_pylist()
        ([[1.0, 1.0], None], [1.0, None])
    """
    maps = maps.astype(np.float32, copy=False)
    height, width = maps.shape[1:]
    scale = np.abs(maps).max((1, 2), initial=0)
    halves = (maps / np.where(scale > 0, scale, 1)[:, None, None]).astype(np.float16).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(there) * (height * width)]).astype(np.int32)
    scales = np.zeros(len(there), np.float32)
    scales[there] = scale
    return {
        "height": pa.array(np.full(len(there), height, np.int32), mask=~there),
        "width": pa.array(np.full(len(there), width, np.int32), mask=~there),
        "scale": pa.array(scales, mask=~there),
        "map": pa.ListArray.from_arrays(pa.array(offsets), pa.array(halves.ravel()), mask=pa.array(~there)),
    }


def write_shard(files: ShardFiles, columns: Mapping[str, pa.Array], texts: Iterable[str], note: Json) -> None:
    """Write a shard, the maps last: where they are, the shard is whole.

    Args:
        files: where.
        columns: those of ``COLUMNS`` and of ``map_columns``, rows in the order of the pairs.
        texts: the texts that the shard names; each is stored once.
        note: kept with the maps (``read_note``).

    Raises:
        DataError: a file cannot be written.
    """
    known = {text_id(text): text for text in texts}
    named = pa.table({"text_id": pa.array(known.keys(), pa.int64()), "text": pa.array(known.values(), pa.string())})
    with atomic_write(files.texts, parents=True, shared=True) as file:
        pq.write_table(named, file, compression="zstd")
    table = pa.table({name: columns[name] for name in (*COLUMNS, "height", "width", "scale", "map")})
    table = table.replace_schema_metadata({_NOTE: json.dumps(note, ensure_ascii=False, sort_keys=True)})
    with atomic_write(files.maps, parents=True, shared=True) as file:
        pq.write_table(
            table,
            file,
            row_group_size=GROUP,
            compression="zstd",
            use_dictionary=[*WORDS, "image", "text_index", "text_id", "height", "width"],
            column_encoding=dict.fromkeys(("logit", "probability", "scale", "map.list.element"), "BYTE_STREAM_SPLIT"),
        )


def read_note(maps: Path) -> Json:
    """What was kept with the maps of a shard.

    Raises:
        DataError: not the maps of a shard, or damaged.
    """
    try:
        metadata = pq.read_schema(maps).metadata or {}
        note: Json = json.loads(metadata[_NOTE])
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{maps}: is damaged, or not of gazeshift; delete it, and it is computed again.") from error
    return note


def raw_of(table: pa.Table) -> Float[np.ndarray, "n h w"]:
    """The raw maps ``map x scale`` of rows that have one, in float32.

    Args:
        table: with the columns of ``map_columns``, none of them null.
    """
    height, width = (pc.max(table[name]).as_py() or 0 for name in ("height", "width"))
    values = table["map"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return values.reshape(-1, height, width) * table["scale"].to_numpy()[:, None, None]
