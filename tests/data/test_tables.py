"""Tables as people keep them: separators, compression, JSON of several shapes, several tables, tables of one split."""

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gazeshift.data.audit import audit
from gazeshift.data.sources import load_pairs
from gazeshift.data.table_files import find_tables
from gazeshift.errors import DataError

Rows = list[dict[str, Any]]


def as_csv(rows: Rows, separator: str = ",") -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_lines(rows: Rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


WAYS: dict[str, Callable[[Rows], tuple[str, bytes]]] = {
    "commas": lambda rows: ("data.csv", as_csv(rows).encode()),
    "semicolons": lambda rows: ("data.csv", as_csv(rows, ";").encode()),
    "tabs in a csv": lambda rows: ("data.csv", as_csv(rows, "\t").encode()),
    "bars": lambda rows: ("data.csv", as_csv(rows, "|").encode()),
    "commas in a tsv": lambda rows: ("data.tsv", as_csv(rows).encode()),
    "a line for spreadsheets": lambda rows: ("data.csv", ("sep=;\r\n" + as_csv(rows, ";")).encode()),
    "UTF-16": lambda rows: ("data.csv", as_csv(rows, "\t").encode("utf-16")),
    "UTF-16 without a mark": lambda rows: ("data.csv", as_csv(rows).encode("utf-16-le")),
    "UTF-32": lambda rows: ("data.csv", as_csv(rows).encode("utf-32")),
    "carriage returns": lambda rows: ("data.csv", as_csv(rows).replace("\r\n", "\r").encode()),
    "carriage returns and a line for spreadsheets": lambda rows: (
        "data.csv",
        ("sep=;\r\n" + as_csv(rows, ";")).replace("\r\n", "\r").encode(),
    ),
    "columns without a name": lambda rows: ("data.csv", as_csv(rows).replace("\r\n", ",,\r\n").encode()),
    "csv.gz": lambda rows: ("data.csv.gz", gzip.compress(as_csv(rows).encode())),
    "tsv.gz": lambda rows: ("data.tsv.gz", gzip.compress(as_csv(rows, "\t").encode())),
    "jsonl": lambda rows: ("data.jsonl", as_lines(rows).encode()),
    "jsonl.gz": lambda rows: ("data.jsonl.gz", gzip.compress(as_lines(rows).encode())),
    "array in a jsonl": lambda rows: ("data.jsonl", json.dumps(rows, indent=1).encode()),
    "array in a json": lambda rows: ("data.json", json.dumps(rows).encode()),
    "lines in a json": lambda rows: ("data.json", as_lines(rows).encode()),
    "pandas' columns": lambda rows: ("data.json", pd.DataFrame(rows).to_json().encode()),
    "lists of columns": lambda rows: ("data.json", json.dumps(pd.DataFrame(rows).to_dict("list")).encode()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("whole", [True, False], ids=["file", "folder"])
def test_every_way_to_write_a_table_is_read_alike(rows: Rows, tmp_path: Path, way: str, whole: bool) -> None:
    rows[2]["text"] = 'a tasty cake; "sweet", with cream | and | more'
    name, content = WAYS[way](rows)
    (tmp_path / name).write_bytes(content)
    found = load_pairs(tmp_path / name if whole else tmp_path)
    assert [(pair.key, pair.text, pair.label, pair.split) for pair in found.pairs] == [
        tuple(row.values()) for row in rows
    ]
    assert found.findings == ()


@pytest.mark.parametrize(
    ("way", "word"), [("semicolons", "semicolons"), ("UTF-16", "tabs"), ("array in a jsonl", "array")]
)
def test_an_unusual_way_is_noted(rows: Rows, tmp_path: Path, way: str, word: str) -> None:
    name, content = WAYS[way](rows)
    (tmp_path / name).write_bytes(content)
    assert any(word in note for note in load_pairs(tmp_path).notes)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.csv.gz", b"image,text,label\n", r"data\.csv\.gz: cannot be read as a \.csv table"),
        ("data.jsonl.gz", gzip.compress(b"x" * 999, mtime=0)[:-9], r"data\.jsonl\.gz: cannot be read"),
        ("data.json", b'{"images": [1, 2], "annotations": [1]}', "no column that looks like the image"),
        ("data.json", b"[1, 2]", "none of its 2 rows"),
        (
            "data.jsonl",
            json.dumps({"image": "1.png"}, indent=1).replace(":", "=").encode(),
            "none of its 3 rows.*jsonl:1",
        ),
        ("data.csv", b"image;text\n1.png;a\n", "no column that looks like the label"),
        ("data.csv", b"1.png,a,pie\n2.png,b,pie\n", "first line must name the columns"),
    ],
)
def test_unreadable_tables_end_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_pairs(tmp_path / name)
    assert "\n" not in str(caught.value)


def as_parquet(columns: list[str], values: list[str]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table([[value] for value in values], names=columns), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("column", ["image", "text", "label", "split", "something"])
@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("data.csv", lambda columns, values: f"{','.join(columns)}\n{','.join(values)}\n".encode()),
        ("data.tsv", lambda columns, values: "\t".join(columns).encode() + b"\n" + "\t".join(values).encode()),
        ("data.parquet", as_parquet),
    ],
)
def test_a_column_that_stands_twice_is_refused(
    tmp_path: Path, name: str, write: Callable[[list[str], list[str]], bytes], column: str
) -> None:
    columns, values = ["image", "text", "label", "split", "something"], ["1.png", "a pie", "pie", "train", "x"]
    (tmp_path / name).write_bytes(write([*columns, column], [*values, "y"]))
    with pytest.raises(DataError, match=f"several columns are called '{column}'"):
        load_pairs(tmp_path)


@pytest.mark.parametrize("place", ["row", "value"])
@pytest.mark.parametrize("shape", ["lines", "array"])
def test_a_key_that_stands_twice_is_no_row(rows: Rows, tmp_path: Path, shape: str, place: str) -> None:
    each = [json.dumps({**row, "more": {"a": 1}}) for row in rows]
    each[3] = each[3].replace('{"image"', '{"label": "soup", "image"') if place == "row" else each[3]
    each[3] = each[3].replace('{"a": 1}', '{"a": 1, "a": 2}') if place == "value" else each[3]
    (tmp_path / "data.jsonl").write_text("\n".join(each) if shape == "lines" else f"[{','.join(each)}]")
    found = load_pairs(tmp_path)
    assert len(found.pairs) == len(rows) - 1
    assert [(finding.kind, finding.key) for finding in found.findings] == [("unreadable row", "data.jsonl:4")]
    assert "occurs twice" in found.findings[0].detail


def test_columns_that_differ_in_case_are_both_named(rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(as_csv([{"Label": "x", **row} for row in rows]))
    found = load_pairs(tmp_path)
    assert any("label 'Label'" in note and "other columns 'label'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("names", "read", "unused"),
    [
        (["data.csv", "more.csv"], ["data.csv"], ["more.csv"]),
        (["data.csv", "data.jsonl"], ["data.csv"], ["data.jsonl"]),
        (["train.csv", "test.csv", "extra.csv"], ["test.csv", "train.csv"], ["extra.csv"]),
        (["train.csv", "train.jsonl", "test.csv"], ["test.csv", "train.csv"], ["train.jsonl"]),
        (["pairs.csv.gz", "old.json", "objects.parquet"], ["pairs.csv.gz"], []),
    ],
)
def test_of_several_tables_those_not_read_are_named(
    rows: Rows, tmp_path: Path, names: list[str], read: list[str], unused: list[str]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    files = find_tables(tmp_path)
    assert [path.name for path, _ in files.read] == read
    found = files.findings(tmp_path)
    assert [(finding.kind, finding.key) for finding in found] == [("unused table", name) for name in unused]
    assert all(read[0] in finding.detail for finding in found)


def test_tables_that_cannot_be_told_apart_are_named(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("image,text,label\n")
    with pytest.raises(DataError, match=r"a\.csv, b\.csv.*name one"):
        load_pairs(tmp_path)


@pytest.mark.parametrize("name", ["sheet.xlsx", "sheet.XLS", "sheet.ods"])
@pytest.mark.parametrize("whole", [True, False], ids=["file", "folder"])
def test_a_spreadsheet_is_to_be_saved_as_csv(tmp_path: Path, name: str, whole: bool) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DataError, match="save the sheet as CSV"):
        load_pairs(tmp_path / name if whole else tmp_path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_table_of_one_split_is_that_split_whole(rows: Rows, tmp_path: Path, split: str) -> None:
    bare = [{key: value for key, value in row.items() if key != "split"} for row in rows]
    (tmp_path / "train.csv").write_text(as_csv(bare[:12]))
    (tmp_path / "test.csv").write_text(as_csv(bare[12:]))
    found = load_pairs(tmp_path / f"{split}.csv")
    assert Counter(pair.split for pair in found.pairs) == {split: 12 if split == "train" else 6}
    other = "test.csv" if split == "train" else "train.csv"
    assert [finding.key for finding in found.findings if finding.kind == "unused table"] == [other]
    assert any(other in finding.detail for finding in audit(found).findings if finding.kind == "no study")
    assert Counter(pair.split for pair in load_pairs(tmp_path).pairs) == {"train": 12, "test": 6}


def test_a_drawn_split_is_noted_and_a_named_one_is_not(rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(as_csv(rows))
    assert not any("drawn" in note for note in load_pairs(tmp_path).notes)
    (tmp_path / "data.csv").write_text(as_csv([{k: v for k, v in row.items() if k != "split"} for row in rows]))
    (note,) = (note for note in load_pairs(tmp_path).notes if "drawn" in note)
    assert "6 of 18 pairs" in note  # a quarter of six a class, rounded


def test_a_test_table_without_classes_lacks_them_row_by_row(rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(as_csv(rows[:12]))
    (tmp_path / "test.csv").write_text(as_csv([{"image": row["image"], "text": row["text"]} for row in rows[12:]]))
    found = load_pairs(tmp_path)
    assert [finding.kind for finding in found.findings] == ["missing class"] * 6
    kept = load_pairs(tmp_path, optional=("label",))
    assert [pair.label for pair in kept.pairs if pair.split == "test"].count("") >= 6
    assert kept.classes == ("apple", "bread", "cake")


def test_a_table_without_classes_and_splits_is_all_test_where_none_are_needed(rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "photos.csv").write_text(as_csv([{"photo": row["image"]} for row in rows]))
    with pytest.raises(DataError, match="label"):
        load_pairs(tmp_path)
    found = load_pairs(tmp_path, optional=("label", "text"))
    assert {(pair.label, pair.text, pair.split) for pair in found.pairs} == {("", "", "test")}
    assert found.classes == ()


def test_missing_splits_are_said(rows: Rows, tmp_path: Path) -> None:
    rows[0]["split"] = ""
    (tmp_path / "data.csv").write_text(as_csv(rows))
    found = load_pairs(tmp_path)
    assert [(finding.kind, finding.key) for finding in found.findings] == [("missing split", "data.csv:2")]
    assert found.pairs[0].split == "train"


def test_the_home_folder_is_found(rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data.csv").write_text(as_csv(rows))
    assert len(load_pairs(Path("~/data.csv")).pairs) == len(rows)
