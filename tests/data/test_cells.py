"""A rule for each type of value in each role, in every file format that can hold it; no value becomes text by its ``repr``."""

import base64
import datetime as dt
import io
import json
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gazeshift.data.audit import audit
from gazeshift.data.cells import (
    CellError,
    as_class,
    as_name,
    as_picture,
    as_text,
    as_texts,
    field,
    from_base64,
    is_printed,
)
from gazeshift.data.findings import KINDS, LONGEST_DETAIL, short
from gazeshift.data.rows import SPLITS, PairSet
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError

Rows = list[dict[str, Any]]


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


def write(rows: Rows, path: Path, features: dict[str, Any] | None = None) -> Path:
    """As JSON Lines or as Parquet, by the name."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path
    stored = {"huggingface": json.dumps({"info": {"features": features or {}}})}
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata(stored), path)
    return path


def kinds(found: PairSet) -> dict[str, int]:
    counted: dict[str, int] = {}
    for finding in found.findings:
        counted[finding.kind] = counted.get(finding.kind, 0) + 1
    return counted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("pie", "pie"),
        ("b'pie'", "b'pie'"),  # said by a finding, and kept
        (b"cr\xc3\xa8me", "crème"),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (Decimal("4.00"), "4"),
        (True, "True"),
        (dt.date(2020, 3, 1), "2020-03-01"),
        (dt.datetime(2020, 3, 1, 12, 30), "2020-03-01T12:30:00"),
        (None, None),
        (float("nan"), None),
    ],
)
def test_a_single_value_as_text(value: Any, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    "value", [{"en": "pie"}, ["pie"], b"\xff\xfe\xfa", png(), float("inf"), object(), {"x"}, dt.timedelta(1), {}]
)
@pytest.mark.parametrize("reader", [as_text, as_name, as_texts, lambda value: as_class(value, ("pie",))])
def test_what_is_no_text_is_refused_in_a_few_words(value: Any, reader: Callable[[Any], Any]) -> None:
    if isinstance(value, list) and reader is not as_text:
        value = [value, value]  # one item is that item; a list in a list is nothing
    with pytest.raises(CellError) as caught:
        reader(value)
    assert len(str(caught.value)) < 100
    assert "PNG" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["", " ", None, float("nan"), "nan", "NaN", "null", "<NA>", "NaT", [], [None], -1, -1.0]
)
def test_missing_classes_are_none(value: Any) -> None:
    assert as_class(value, ("pie", "soup")) is None


@pytest.mark.parametrize(("value", "name"), [(0, "pie"), ("1", "soup"), (1.0, "soup"), ("soup", "soup"), ([1], "soup")])
def test_classes_by_number_or_name(value: Any, name: str) -> None:
    assert as_class(value, ("pie", "soup")) == name


@pytest.mark.parametrize("value", [2, "7", [0, 1]])
def test_numbers_without_a_name_and_several_classes_are_refused(value: Any) -> None:
    with pytest.raises(CellError):
        as_class(value, ("pie", "soup"))


def test_fields_of_mappings_and_of_lists_of_them() -> None:
    record = {"text": [{"raw": "a pie"}, {"raw": "my pie"}], "label": {"name": "pie"}, "a.b": "itself"}
    assert as_texts(field(record, "text.raw")) == ("a pie", "my pie")
    assert as_name(field(record, "label.name")) == "pie"
    assert field(record, "a.b") == "itself"
    assert field(record, "label.none") is None


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_base64_is_a_picture_and_a_path_is_not(head: str) -> None:
    assert from_base64(head + base64.b64encode(png()).decode()) == png()
    assert from_base64("images/" + "a" * 100 + ".png") is None
    assert from_base64("a" * 200) is None
    assert as_picture(b"images/a.png") == ("images/a.png", "")
    assert as_picture(png()) == (png(), "")


def test_damaged_bytes_of_a_picture_are_no_path() -> None:
    """Else the picture would be called missing, although its row holds it."""
    assert as_picture(b"this was a picture") == (b"this was a picture", "")
    assert as_picture({"bytes": b"photos/a.png", "path": "a.png"}) == (b"photos/a.png", "a.png")
    assert as_picture(b"photos/a.png") == ("photos/a.png", "")
    assert as_picture({"bytes": None, "path": "photos/a.png"}) == ("photos/a.png", "a.png")


@pytest.mark.slow
@given(st.text())
def test_a_text_stays_itself_and_is_not_called_printed(text: str) -> None:
    assert as_text(text) == text
    assert is_printed(repr(text.encode("utf-8", "replace")))
    assert is_printed(repr([text, text]))
    assert is_printed(repr({text: text}))


@given(st.one_of(st.text(max_size=2000), st.binary(max_size=2000)), st.integers(10, 80))
def test_messages_show_values_short(value: str | bytes, longest: int) -> None:
    assert len(short(value, longest)) <= longest
    assert "\n" not in short(value, longest)


@pytest.mark.parametrize("file", ["data.jsonl", "data.parquet"])
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("text", {"en": "a pie"}, r"text.*mapping.*'en'.*--text-column text\.en"),
        ("label", {"name": "pie", "id": 3}, r"label.*mapping.*--label-column label\.name"),
        ("label", ["pie", "soup"], "label.*list of 2"),
        ("split", {"a": "train"}, "split.*mapping"),
    ],
)
def test_a_column_of_what_is_no_text_is_refused_by_its_name(
    rows: Rows, tmp_path: Path, file: str, column: str, value: Any, message: str
) -> None:
    write([{**row, column: value} for row in rows], tmp_path / file)
    with pytest.raises(DataError, match=message) as caught:
        load_pairs(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["data.jsonl", "data.parquet"])
def test_a_field_of_a_mapping_can_be_named(rows: Rows, tmp_path: Path, file: str) -> None:
    nested = [{**row, "text": {"en": row["text"]}, "label": {"name": row["label"]}} for row in rows]
    found = load_pairs(write(nested, tmp_path / file), text_column="text.en", label_column="label.name")
    assert [(pair.text, pair.label) for pair in found.pairs] == [(row["text"], row["label"]) for row in rows]


def test_single_cells_that_are_no_text_are_findings_with_row_and_column(rows: Rows, tmp_path: Path) -> None:
    rows[3]["text"], rows[4]["label"], rows[5]["image"] = {"en": "x"}, ["apple", "cake"], {"url": "x"}
    found = load_pairs(write(rows, tmp_path / "data.jsonl"))
    unusable = [(finding.key, finding.detail) for finding in found.findings if finding.kind == "unusable value"]
    assert [key for key, _ in unusable] == ["data.jsonl:4", "data.jsonl:5", "data.jsonl:6"]
    assert [detail.split(":")[0] for _, detail in unusable] == ["column 'text'", "column 'label'", "column 'image'"]
    assert len(found.pairs) == len(rows) - 3


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        (b"a pie", "a pie", None),
        (7, "7", "converted value"),
        (dt.date(2020, 1, 2), "2020-01-02", "converted value"),
        (["tag", "other"], "tag other", "joined list"),
        ("b'a pie'", "b'a pie'", "odd value"),
        ("['a pie', 'my pie']", "['a pie', 'my pie']", "odd value"),
        (None, "", "missing text"),
    ],
)
def test_texts_of_other_types(rows: Rows, tmp_path: Path, value: Any, text: str, kind: str | None) -> None:
    data = [{**row, "text": value} for row in rows]
    found = load_pairs(write(data, tmp_path / "data.parquet"))
    assert {pair.text for pair in found.pairs} == {text}
    assert kinds(found) == ({kind: len(rows)} if kind else {})


@pytest.mark.parametrize("place", ["label", "info.label"])
@pytest.mark.parametrize("dtype", [int, float])
def test_classes_have_the_names_of_their_own_column(rows: Rows, tmp_path: Path, place: str, dtype: type) -> None:
    names = {"difficulty": ["easy", "hard"], "label": ["apple", "bread", "cake"]}
    data = [{**row, "difficulty": index % 2, "label": dtype(index % 3)} for index, row in enumerate(rows)]
    features: dict[str, Any] = {name: {"names": listed, "_type": "ClassLabel"} for name, listed in names.items()}
    if place != "label":
        data = [
            {
                **{key: row[key] for key in ("image", "text", "split")},
                "info": {"difficulty": row["difficulty"], "label": row["label"]},
            }
            for row in data
        ]
        features = {"info": features}
    found = load_pairs(write(data, tmp_path / "data.parquet", features), label_column=place)
    assert [pair.label for pair in found.pairs] == [row["label"] for row in rows]
    assert found.classes == ("apple", "bread", "cake")


@pytest.mark.parametrize("missing", [-1, None])
def test_a_test_split_without_classes_has_no_class_minus_one(rows: Rows, tmp_path: Path, missing: int | None) -> None:
    data = [{**row, "label": missing if row["split"] == "test" else i % 3} for i, row in enumerate(rows)]
    features = {"label": {"names": ["apple", "bread", "cake"], "_type": "ClassLabel"}}
    for listed in (features, {}):
        found = load_pairs(write(data, tmp_path / "data.parquet", listed))
        assert len(found.classes) == 3
        assert kinds(found) == {"missing class": 6}
        assert {pair.split for pair in found.pairs} == {"train"}
        assert "6 rows of it have no class" in next(f.detail for f in audit(found).findings if f.kind == "no study")


@pytest.mark.slow
def test_a_picture_in_a_cell_is_never_printed(rows: Rows, tmp_path: Path) -> None:
    cell = base64.b64encode(png() * 300).decode()
    wrong = {"image": cell[1:], "text": cell, "label": cell, "split": cell}
    for column in ("image", "label", "split", "text"):
        data = [{**row, column: wrong[column]} if index % 2 else row for index, row in enumerate(rows)]
        found = audit(load_pairs(write(data, tmp_path / "data.jsonl")))
        assert all(len(finding.detail) <= LONGEST_DETAIL for finding in found.findings)
        assert all(len(finding.key) <= 100 for finding in found.findings)
        with pytest.raises(DataError) as caught:
            load_pairs(
                write([{**row, "image": cell[1:], column: wrong[column]} for row in rows], tmp_path / "data.jsonl")
            )
        assert len(str(caught.value)) < 1000


def test_pictures_in_cells_are_read(rows: Rows, tmp_path: Path) -> None:
    data = [{**row, "image": base64.b64encode(png()).decode()} for row in rows]
    found = load_pairs(write(data, tmp_path / "data.jsonl"))
    assert {pair.image for pair in found.pairs} == {png()}
    assert len({pair.key for pair in found.pairs}) == len(rows)


WORDS = st.sampled_from(["train", "test", "a.png", "../a"])
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(), st.text(max_size=5), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["path", "bytes", "en"]), inner, max_size=2)
    ),
    max_leaves=4,
)
records = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("image", "text", "label", "split"), values)), max_size=6
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(records)
def test_whatever_a_cell_holds_no_row_goes_missing_unsaid(rows: Rows) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.png").write_bytes(png())
        good = {"image": "a.png", "text": "a pie", "label": "pie", "split": "train"}
        write([good, *rows], folder / "data.jsonl")
        try:
            found = load_pairs(folder / "data.jsonl")
        except DataError:  # a whole column of mappings, or no column of a role
            return
    left_out = sum("left out" in KINDS[finding.kind] for finding in found.findings)
    assert len(found.pairs) + left_out >= len(rows) + 1
    assert all(isinstance(pair.text, str) and pair.label and pair.split in SPLITS for pair in found.pairs)
    mappings = [str(row[name]) for row in rows for name in ("text", "label") if isinstance(row.get(name), dict | list)]
    assert not {pair.text for pair in found.pairs}.union(pair.label for pair in found.pairs).intersection(mappings)
