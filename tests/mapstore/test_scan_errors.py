"""Files that are no maps, or maps that do not fit together: one line, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gazeshift.errors import DataError
from gazeshift.mapstore.write import scan_files

from .stored import Row, rows_of, store

Change = Callable[[list[Row]], list[Row]]


def _without(name: str) -> Change:
    return lambda rows: [{key: value for key, value in row.items() if key != name} for row in rows]


def _mixed_edits(rows: list[Row]) -> list[Row]:
    return [{**row, "edit": row["text"]} for row in rows[1:]]


WRONG: dict[str, tuple[Change, list[str]]] = {
    "no text": (_without("text"), ["'text'", "gazeshift maps"]),
    "no class": (_without("class"), ["'class'"]),
    "an image in two places": (lambda rows: rows + rows[:1], ["'i0'", "sort"]),
    "a text twice": (lambda rows: [rows[0], *rows], ["'i0'", "'plain'", "several"]),
    "a later text twice": (lambda rows: [rows[0], rows[1], *rows[1:]], ["'i0'", "''", "several"]),
    "other first edits": (_mixed_edits, ["'i0'", "'i1'", "''", "'plain'"]),
    "an empty place": (lambda rows: [*rows[:-1], {**rows[-1], "label": None}], ["'label'", "empty"]),
    "only other targets": (
        lambda rows: [{**row, "target": name} for row in rows for name in ("a", "b")],
        ["'i0'", "'plain'", "several"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_one_line(tmp_path: Path, name: str) -> None:
    change, words = WRONG[name]
    maps = store(tmp_path, change(rows_of()))
    with pytest.raises(DataError) as error:
        scan_files([maps], tmp_path / "out")
    for word in (str(maps), *words):
        assert word in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [maps]


def test_texts_that_no_two_images_share_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gazeshift.mapstore.survey._TEXTS", 4)
    rows = [{**row, "text": f"{row['text']} of {row['key']}"} for row in rows_of()]
    with pytest.raises(DataError, match=r"more than 4 different texts .* 'edit'"):
        scan_files([store(tmp_path, rows)], tmp_path / "out")


def test_several_grids_are_refused(tmp_path: Path) -> None:
    table = pq.read_table(store(tmp_path, rows_of(2)))
    height = table["height"].to_pandas().mask(table["text"].to_pandas() == "", 4)
    width = table["width"].to_pandas().mask(table["text"].to_pandas() == "", 3)
    for name, column in (("height", height), ("width", width)):
        table = table.set_column(table.column_names.index(name), name, [column.to_numpy()])
    pq.write_table(table, tmp_path / "maps.parquet")
    with pytest.raises(DataError, match=r"several grids \(3 x 4 and 4 x 3\)"):
        scan_files([tmp_path / "maps.parquet"], tmp_path / "out")


def test_maps_of_another_size_than_said_are_refused(tmp_path: Path) -> None:
    maps = store(tmp_path, rows_of(2))
    table = pq.read_table(maps)
    pq.write_table(table.set_column(table.column_names.index("height"), "height", [[4] * len(table)]), maps)
    with pytest.raises(DataError, match=r"maps.parquet: holds maps that are not of 4 x 4 cells"):
        scan_files([maps], tmp_path / "out")


def test_files_that_are_no_maps(tmp_path: Path) -> None:
    maps = store(tmp_path, rows_of())
    pq.write_table(pq.read_table(maps)[:0], tmp_path / "empty.parquet")
    (tmp_path / "text.parquet").write_text("key,text\n")
    whole = maps.read_bytes()
    (tmp_path / "damaged.parquet").write_bytes(whole[:200] + b"\0" * 400 + whole[600:])
    (tmp_path / "nothing.parquet").touch()
    wanted = {
        "empty": "holds no maps",
        "text": "cannot be read as Parquet",
        "damaged": "cannot be read as Parquet",
        "nothing": "cannot be read as Parquet",
        "missing": "no such file",
    }
    for name, words in wanted.items():
        with pytest.raises(DataError, match=words):
            scan_files([tmp_path / f"{name}.parquet"], tmp_path / "out")
        assert not list(tmp_path.glob("out*"))
    with pytest.raises(DataError, match="is a folder"):
        scan_files([tmp_path], tmp_path / "out")
