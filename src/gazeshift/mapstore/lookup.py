"""Read from a folder of maps: the maps of one image, all of them, and why some images have none."""

import bisect
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float

from gazeshift.errors import DataError
from gazeshift.mapstore.folder import MapFolder, read_manifest
from gazeshift.mapstore.shard import OK, raw_of


def maps_of(folder: Path, key: str) -> pa.Table:
    """The rows of one image, without reading the others.

    Args:
        folder: a finished folder of maps.
        key: of the image.

    Raises:
        DataError: as ``read_manifest``; or no such image.
    """
    here, manifest = MapFolder(folder), read_manifest(folder)
    position = _position(here, key)
    if position is None:
        raise DataError(f"{folder}: holds no image {key!r}.")
    starts = [shard["start"] for shard in manifest["shards"]]
    shard = manifest["shards"][bisect.bisect_right(starts, position) - 1]
    with pq.ParquetFile(here.shard(shard["number"]).maps) as file:
        groups = _groups(file, "image", position)
        table = file.read_row_groups(groups, use_threads=False)
    return table.filter(pc.equal(table["image"], position))


def failures(folder: Path, most: int) -> list[str]:
    """Why the first images without maps have none, a line each."""
    with duckdb.connect() as database:
        rows = database.read_parquet(str(MapFolder(folder).maps / "*.parquet")).filter("status <> 'ok'").order("image")
        return [error for (error,) in rows.limit(most).select("error").fetchall()]


def _position(folder: MapFolder, key: str) -> int | None:
    with pq.ParquetFile(folder.index) as file:
        table = file.read_row_groups(_groups(file, "key", key), use_threads=False)
    found = table.filter(pc.equal(table["key"], key))
    return found["image"][0].as_py() if len(found) else None


def _groups(file: pq.ParquetFile, name: str, value: str | int) -> list[int]:
    """The row groups of a sorted column that may hold a value."""
    place = file.schema_arrow.get_field_index(name)
    found = []
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(place).statistics
        if statistics is None or not statistics.has_min_max or statistics.min <= value <= statistics.max:
            found.append(group)
    return found


def read_folder(folder: Path) -> tuple[pd.DataFrame, Float[np.ndarray, "n h w"]]:
    """All rows with a map, with their texts in a column ``text``, and the raw maps in float32; for folders that fit in memory.

    Raises:
        DataError: as ``read_manifest``.
    """
    here, manifest = MapFolder(folder), read_manifest(folder)
    files = [here.shard(shard["number"]) for shard in manifest["shards"]]
    table = pa.concat_tables([pq.read_table(each.maps) for each in files])
    texts = (
        pa.concat_tables([pq.read_table(each.texts) for each in files])
        .to_pandas()
        .set_index("text_id")["text"]
        .to_dict()
    )
    table = table.filter(pc.equal(table["status"], OK))
    rows = table.drop_columns(["height", "width", "scale", "map"]).to_pandas()
    return rows.assign(text=rows["text_id"].map(texts)), raw_of(table)
