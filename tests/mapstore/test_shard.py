"""A folder's shards as others read them: pandas, Polars, DuckDB and Hugging Face datasets, without a line of ours."""

from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gazeshift.errors import DataError
from gazeshift.mapstore.shard import COLUMNS, GROUP, ShardFiles, map_columns, raw_of, read_note, text_id, write_shard

from .test_readers import maps_of_any_range

TEXTS = ("", "赤い寿司 🍣", "a red donut")
Rows = list[dict]


def _pandas(folder: Path, _: Path) -> Rows:
    return pd.read_parquet(folder).sort_values("image", kind="stable").to_dict("records")


def _polars(folder: Path, _: Path) -> Rows:
    return polars.read_parquet(folder / "*.parquet").sort("image", maintain_order=True).to_dicts()


def _duckdb(folder: Path, _: Path) -> Rows:
    found = duckdb.connect().execute(
        "SELECT * FROM read_parquet(?) ORDER BY image, text_index", [f"{folder}/*.parquet"]
    )
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _datasets(folder: Path, cache: Path) -> Rows:
    files = sorted(map(str, folder.glob("*.parquet")))
    return datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(cache)).to_list()


READERS: dict[str, Callable[[Path, Path], Rows]] = {
    "pandas": _pandas,
    "polars": _polars,
    "duckdb": _duckdb,
    "datasets": _datasets,
}


def columns_of(start: int, maps: np.ndarray, there: np.ndarray) -> dict[str, pa.Array]:
    """Two texts of each image, and every third row without a map."""
    rows = np.arange(len(there))
    values = {
        "image": start + rows // 2,
        "key": [f"a/{start + row // 2}.png" for row in rows],
        "label": [None if row % 4 == 0 else "donut" for row in rows],
        "edit": [None] * len(rows),
        "text_index": rows % 2,
        "text_id": [text_id(TEXTS[row % 3]) for row in rows],
        "target": ["predicted"] * len(rows),
        "class": ["donut"] * len(rows),
        "logit": rows.astype(np.float32),
        "probability": rows / 100,
        "status": ["ok" if one else "undecodable" for one in there],
        "error": [None if one else "damaged" for one in there],
        "model": ["0123"] * len(rows),
    }
    columns = {name: pa.array(values[name], kind) for name, kind in COLUMNS.items()}
    return {**columns, **map_columns(maps[there], there)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shards; the second has no map at all."""
    made = tmp_path_factory.mktemp("store")
    for number, there in enumerate(THERE):
        files = ShardFiles(made / "maps" / f"part-{number}.parquet", made / "texts" / f"part-{number}.parquet")
        write_shard(files, columns_of(20 * number, MAPS, there), TEXTS, {"number": number})
    return made


MAPS = maps_of_any_range()
THERE = [np.arange(40) % 3 != 2, np.zeros(40, bool), np.ones(40, bool)]


def rows_by_hand() -> Iterator[tuple[int, np.ndarray | None]]:
    for there in THERE:
        yield from ((row % 3, MAPS[row] if one else None) for row, one in enumerate(there))


@pytest.mark.parametrize("reader", READERS)
def test_everyone_reads_the_shards(folder: Path, tmp_path: Path, reader: str) -> None:
    found = READERS[reader](folder / "maps", tmp_path)
    texts = {row["text_id"]: row["text"] for row in pq.read_table(folder / "texts").to_pylist()}
    for row, (text, wanted) in zip(found, rows_by_hand(), strict=True):
        assert texts[row["text_id"]] == TEXTS[text]
        assert row["status"] == ("undecodable" if wanted is None else "ok")
        if wanted is None:
            assert row["map"] is None
            assert pd.isna(row["scale"])
            continue
        assert (row["height"], row["width"]) == (3, 5)
        raw = np.array(row["map"], np.float32).reshape(3, 5) * np.float32(row["scale"])
        # Half precision: half of the last of eleven bits of the largest value; thrice that is allowed.
        assert (np.abs(raw - wanted) <= 3 * 2.0**-12 * np.abs(wanted).max()).all()


def test_we_read_what_others_read(folder: Path) -> None:
    table = pq.read_table(folder / "maps")
    raw = raw_of(table.filter(pa.compute.equal(table["status"], "ok")))
    wanted = [one for _, one in rows_by_hand() if one is not None]
    for ours, theirs in zip(raw, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=3 * 2.0**-12 * np.abs(theirs).max())


def test_every_text_is_there_once(folder: Path) -> None:
    for path in (folder / "texts").iterdir():
        rows = pq.read_table(path).to_pylist()
        assert sorted(row["text"] for row in rows) == sorted(TEXTS)


def test_a_note_travels_with_the_maps(folder: Path, tmp_path: Path) -> None:
    assert read_note(folder / "maps" / "part-2.parquet") == {"number": 2}
    assert pq.read_schema(folder / "maps" / "part-2.parquet").metadata.keys() >= {b"gazeshift"}
    (tmp_path / "cut.parquet").write_bytes((folder / "maps" / "part-2.parquet").read_bytes()[:-20])
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    for name in ("cut.parquet", "other.parquet"):
        with pytest.raises(DataError, match="delete it, and it is computed again"):
            read_note(tmp_path / name)


def test_maps_take_their_share_of_bytes(tmp_path: Path) -> None:
    """Random 8 x 8 maps, ten texts of each image: at most 130 bytes each. (Smooth maps take less.)"""
    rng = np.random.default_rng(0)
    count = 4 * GROUP
    rows = np.arange(count)
    columns = columns_of(0, np.zeros((count, 8, 8), np.float32), np.ones(count, bool)) | {
        "key": pa.array([f"images/test/apple_pie/apple_pie_{row // 10}.jpg" for row in rows]),
        "image": pa.array(rows // 10),
        "logit": pa.array(rng.normal(size=count), pa.float32()),
        "probability": pa.array(rng.random(count), pa.float32()),
    }
    maps = rng.random((count, 8, 8))
    write_shard(
        ShardFiles(tmp_path / "a", tmp_path / "b"), {**columns, **map_columns(maps, np.ones(count, bool))}, TEXTS, {}
    )
    assert (tmp_path / "a").stat().st_size / count <= 130
    assert pq.ParquetFile(tmp_path / "a").num_row_groups == 4
