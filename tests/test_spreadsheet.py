import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gazeshift.errors import DataError
from gazeshift.spreadsheet import csv_text, guarded, read_csv, unguarded

SOURCES = sorted((Path(__file__).parents[1] / "src" / "gazeshift").rglob("*.py"))
# What UTF-8 can write: lone surrogates it cannot.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
# Made of what matters here, so that every few letters it matters.
HOSTILE = st.text(st.sampled_from("=+-@＝＋－＠\t\r\n;,'\" \x00\u200b\ufeffa1|"), max_size=12)
SIGNS = tuple("=+-@＝＋－＠\t\r\n")
LIVE = [
    '=HYPERLINK("http://example.org","pie")',
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    '"=1+1"',
    "\ufeff=1+1",
    "\x00=1+1",
    "\u200b=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "pie;=1+1;",
    'pie;"=1+1',
    "pie\n=1+1",
    "pie\t=1+1",
    "'=1+1",
]


def cells_in_a_spreadsheet(content: str, separator: str) -> list[str]:
    """Every cell, as one who does not know our quotes could see it: cut at each separator and line end, what is invisible dropped."""
    cells = re.split(f"[{separator}\r\n]", content)
    return [cell.strip().strip('"\x00\u200b\ufeff ') for cell in cells]


@given(TEXTS | HOSTILE)
@example("'=1")
@example("''=1")
@example("'tis")
@example("\n\n'\n")
@example(";'=")
def test_a_text_comes_back_from_its_guard(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(TEXTS | HOSTILE)
def test_no_guarded_text_begins_with_a_sign(text: str) -> None:
    assert not guarded(text).startswith(SIGNS)
    assert not guarded(text).strip(' "').startswith(SIGNS[:8])


@pytest.mark.parametrize("text", LIVE)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_no_cell_is_a_formula_whatever_the_separator(text: str, separator: str) -> None:
    content = csv_text(["key", "title", "note"], [[1, text, "end"]])
    for cell in cells_in_a_spreadsheet(content, separator):
        assert not cell.startswith(SIGNS[:8]), content


@pytest.mark.parametrize(
    "text", ["apple pie", "", "'tis a pie", "pie - 20 minutes", "a=b", "1,5 kg", "Pie | @home", "5; 6"]
)
def test_ordinary_texts_are_written_as_they_are(text: str) -> None:
    assert guarded(text) == text


@pytest.mark.slow
@given(st.lists(st.tuples(TEXTS | HOSTILE, HOSTILE), min_size=1, max_size=4))
def test_our_reader_and_pandas_read_the_same_texts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    columns = ["-title", "text"]
    content = csv_text(columns, rows).encode()
    path.write_bytes(content)
    assert [(row["-title"], row["text"]) for row in read_csv(path)] == rows
    assume(b"\0" not in content)  # pandas 3.0 drops it
    frame = pd.read_csv(
        io.BytesIO(content), keep_default_na=False, converters={guarded("-title"): unguarded, "text": unguarded}
    )
    assert list(zip(frame[guarded("-title")], frame["text"], strict=True)) == rows


@pytest.mark.parametrize(
    "number", [-1, -0.5, np.float32(-0.5), np.float64(-2.0), np.int64(-3), float("-inf"), -1e-300, True], ids=repr
)
def test_numbers_stay_numbers(number: float) -> None:
    frame = pd.read_csv(io.StringIO(csv_text(["title", "number"], [["=1", number]])))
    assert frame["number"].dtype.kind in "ifb"
    assert frame["number"][0] == number


def test_none_is_an_empty_field() -> None:
    assert csv_text(["a", "b"], [[None, "x"], [None, "x\r"]]) == 'a,b\n,x\n"","x\r"\n'


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"\xff\xfe\n", b'a\n"x'])
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"table\.csv: not a table"):
        read_csv(path)
    with pytest.raises(DataError, match=r"nothing\.csv"):
        read_csv(tmp_path / "nothing.csv")


def writes_csv(source: str) -> bool:
    """Whether a module reaches for something that writes CSV."""
    return bool(
        re.search(r"\bcsv\.writer\b|\bDictWriter\b|\.(to_csv|write_csv|sink_csv|savetxt)\b|import writer\b", source)
    )


def test_nothing_else_writes_csv() -> None:
    writers = [path.name for path in SOURCES if writes_csv(path.read_text(encoding="utf-8"))]
    assert writers == ["spreadsheet.py"]


@pytest.mark.parametrize(
    "line",
    [
        "frame.to_csv(path)",
        "csv.writer(file)",
        "csv.DictWriter(file, names)",
        "from csv import writer",
        "pyarrow.csv.write_csv(table, path)",
    ],
)
def test_writing_csv_is_noticed(line: str) -> None:
    assert writes_csv(line)
