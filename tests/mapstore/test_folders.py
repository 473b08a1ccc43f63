"""Folders of maps give what a single file of the same maps gives."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gazeshift.errors import DataError
from gazeshift.mapstore.measure import AGAINST_FIRST
from gazeshift.mapstore.write import scan_files
from tests.conftest import Command

from .folders import write_folder
from .stored import Row, own, rows_of, slowly, store

LAYOUTS: dict[str, Callable[[], list[Row]]] = {
    "shared": rows_of,
    "own, then shared": lambda: [own(row) if row["text"] == "plain" else row for row in rows_of()],
    "edits": lambda: [
        {**row, "edit": row["text"] or "none", "text": f"{row['text']} of {row['key']}"} for row in rows_of()
    ],
    "no labels": lambda: [{name: value for name, value in row.items() if name != "label"} for row in rows_of()],
}


def _tables(out: Path) -> dict[str, pd.DataFrame]:
    return {path.name: pd.read_parquet(path).drop(columns="file", errors="ignore") for path in out.glob("*.parquet")}


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_gives_what_a_file_gives(tmp_path: Path, name: str, shards: int) -> None:
    rows = LAYOUTS[name]()
    folder, file = write_folder(tmp_path / "maps", rows, shards), store(tmp_path, rows)
    summaries = [scan_files([path], tmp_path / f"{path.name}-out", wasserstein=4) for path in (folder, file)]
    found, wanted = _tables(tmp_path / "maps-out"), _tables(tmp_path / "maps.parquet-out")
    assert found.keys() == wanted.keys()
    for table, frame in wanted.items():
        pd.testing.assert_frame_equal(found[table], frame)
    one, other = ({**summary["files"][0], "file": None} for summary in summaries)
    assert one == other


def test_the_first_text_is_the_one_numbered_0(tmp_path: Path) -> None:
    """And not the one that comes first."""
    rows = rows_of(5, ["a", "b", "c"], undefined=0)
    turned = []
    for start in range(0, 15, 3):
        first, *others = rows[start : start + 3]
        numbered = [{**row, "text_index": place} for place, row in enumerate(others, start=1)]
        turned += [numbered[0], {**first, "text_index": 0}, numbered[1]]
    scan_files([write_folder(tmp_path / "maps", turned)], tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out" / "measures-0.parquet")
    found = found.astype({"key": str, "text": str}).sort_values(["key", "text"], ignore_index=True)
    wanted = slowly(store(tmp_path, rows)).sort_values(["key", "text"], ignore_index=True)
    assert found["first"].tolist() == wanted["first"].tolist()
    for name in AGAINST_FIRST:
        stored = found[name].astype(float).to_numpy()
        np.testing.assert_allclose(stored, wanted[name], rtol=1e-6, atol=1e-6, err_msg=name)


def _failed(row: Row, status: str) -> Row:
    return {**row, "status": status, "map": None, "class": None}


def test_rows_without_a_map_are_counted_and_left_out(gazeshift: Command, tmp_path: Path) -> None:
    rows = rows_of(6, ["a", "b", "c"], undefined=0)
    rows = [{**row, "text_index": place % 3} for place, row in enumerate(rows)]
    bad = {3: "undecodable", 4: "undecodable", 5: "undecodable", 7: "failed", 9: "failed"}
    mixed = [_failed(row, bad[place]) if place in bad else row for place, row in enumerate(rows)]
    folder = write_folder(tmp_path / "maps", mixed)
    code, out, err = gazeshift("analyse", folder, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "left out: rows without a map: 2 failed, 3 undecodable" in out
    [one] = scan_files([folder], tmp_path / "again")["files"]
    assert one["left_out"] == {"failed": 2, "undecodable": 3}
    assert (one["images"], one["maps"], one["pairs"]) == (5, 13, 7)  # i3 has two maps and none to compare them with
    found = pd.read_parquet(tmp_path / "out" / "measures-0.parquet")
    assert len(found) == 13
    lost = found[found["key"] == "i3"]
    assert not lost["first"].any()
    assert lost["coverage"].notna().all()
    assert lost[list(AGAINST_FIRST)].isna().all(axis=None)
    wanted = slowly(store(tmp_path, [row for place, row in enumerate(rows) if place not in {*bad, 10, 11}]))
    kept = found[found["key"] != "i3"]
    np.testing.assert_allclose(kept["js_bits"].astype(float), wanted["js_bits"], rtol=1e-6, atol=1e-6)
    information = one["information"]["all"]
    assert (information["images"], information["incomplete"]) == (3, 2)
    assert one["information"]["first"]["images"] == 4


def test_of_several_targets_the_predicted_is_measured(tmp_path: Path) -> None:
    rows = rows_of(4, ["a", "b"])
    rows = [{**row, "text_index": place % 2} for place, row in enumerate(rows)]
    both = [{**row, "target": target} for row in rows for target in ("label", "predicted")]
    two, one = (write_folder(tmp_path / name, some) for name, some in (("two", both), ("one", both[::2])))
    scan_files([two, one], tmp_path / "out")
    tables = [pd.read_parquet(tmp_path / "out" / f"measures-{place}.parquet") for place in range(2)]
    pd.testing.assert_frame_equal(*tables)


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _no_shards(folder: Path) -> None:
    for path in (folder / "maps").iterdir():
        path.unlink()


def _no_texts(folder: Path) -> None:
    (folder / "texts" / "part-00001.parquet").unlink()


def _lost_text(folder: Path) -> None:
    path = folder / "texts" / "part-00001.parquet"
    pq.write_table(pq.read_table(path)[1:], path)


def _empty_texts(folder: Path) -> None:
    path = folder / "texts" / "part-00001.parquet"
    pq.write_table(pq.read_table(path)[:0], path)


def _lost_map(folder: Path) -> None:
    path = folder / "maps" / "part-00000.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("map")
    pq.write_table(table.set_column(place, "map", table["map"].take([None, *range(1, len(table))])), path)


def _no_first(folder: Path) -> None:
    for path in (folder / "maps").iterdir():
        table = pq.read_table(path)
        pq.write_table(table.filter([index != 0 for index in table["text_index"].to_pylist()]), path)


BROKEN = {
    "is a folder without manifest.json": _no_manifest,
    "holds no maps": _no_shards,
    r"texts/part-00001.parquet: no such file": _no_texts,
    r"part-00001.parquet: refers to texts that .*texts/part-00001.parquet does not hold": _lost_text,
    r"part-00001.parquet: refers to texts that": _empty_texts,
    "the column '(scale|map)' has empty cells": _lost_map,
    "no image has its first text": _no_first,
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_folder_is_one_line(tmp_path: Path, words: str) -> None:
    folder = write_folder(tmp_path / "maps", rows_of())
    BROKEN[words](folder)
    with pytest.raises(DataError, match=words) as error:
        scan_files([folder], tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_shard_alone_is_sent_to_its_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "maps", rows_of())
    with pytest.raises(DataError, match="is one shard, whose texts lie beside it; name its folder") as error:
        scan_files([folder / "maps" / "part-00000.parquet"], tmp_path / "out")
    assert str(folder) in str(error.value)
