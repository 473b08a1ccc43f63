"""UPMC Food-101's layouts with the defects of the real files, and that nothing goes missing unsaid."""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.data.findings import KINDS
from gazeshift.data.sources import load_pairs
from gazeshift.data.upmc import clean_title, split_line
from gazeshift.errors import DataError, UsageError

Writer = Callable[..., Path]

TITLES = """\
pie_1.jpg,Simple pie,pie
pie_2.jpg,"Sweet, ""red"" pie",pie
pie_3.jpg,"[[""Campbell&#039;s Holiday Pie""]]",pie
pie_4.jpg,"an open quote, and a comma,pie
pie_5.txt,Text for image &amp;amp; more,pie
pie_6.jpg,,pie
pie_7.jpg,"[[""Cut at Skal",pie
pie_8.jpg,NA,pie
"""


def key(name: str, split: str = "train") -> str:
    return f"images/{split}/pie/{name}"


@pytest.fixture
def root(tmp_path: Path, picture: Writer) -> Path:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/train_titles.csv").write_text(TITLES, encoding="utf-8")
    (tmp_path / "texts/test_titles.csv").write_text("pie_20.jpg,寿司 🍣 pie,pie\r\n", encoding="utf-8-sig")
    for n in range(1, 9):
        picture(key(f"pie_{n}.jpg"))
    picture(key("pie_20.jpg", "test"))
    return tmp_path


def add_line(root: Path, line: bytes) -> None:
    with (root / "texts/train_titles.csv").open("ab") as file:
        file.write(line + b"\n")


def kinds(root: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in load_pairs(root).findings:
        assert finding.kind in KINDS
        found.setdefault(finding.kind, []).append(finding.key)
    return found


def test_real_defects_are_read_as_a_person_would(root: Path) -> None:
    loaded = load_pairs(root)
    texts = {pair.key: pair.text for pair in loaded.pairs}
    assert texts == {
        key("pie_1.jpg"): "Simple pie",
        key("pie_2.jpg"): 'Sweet, "red" pie',
        key("pie_3.jpg"): "Campbell's Holiday Pie",
        key("pie_4.jpg"): "an open quote, and a comma",
        key("pie_5.jpg"): "Text for image & more",
        key("pie_6.jpg"): "",
        key("pie_7.jpg"): "Cut at Skal",
        key("pie_8.jpg"): "NA",
        key("pie_20.jpg", "test"): "寿司 🍣 pie",
    }
    assert (loaded.format, loaded.classes) == ("upmc", ("pie",))
    assert {pair.split for pair in loaded.pairs} == {"train", "test"}


def test_every_repair_is_named(root: Path) -> None:
    assert kinds(root) == {
        "repaired quote": ["texts/train_titles.csv:4"],
        "repaired suffix": ["texts/train_titles.csv:5"],
        "missing text": [key("pie_6.jpg")],
    }


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"pie_99.jpg,No such image,pie", "missing image"),
        (b"pie_99.txt,No such image,pie", "missing image"),
        (b"pie_1.jpg,Simple pie,pie", "duplicate row"),
        (b"pie_1.jpg,No class,", "missing class"),
        (b"a line without commas", "unreadable row"),
        (b"../../../secret.jpg,Out,pie", "escaped path"),
        (b"pie_1.jpg,Out,../../..", "escaped path"),
        (b"/etc/passwd.jpg,Out,pie", "missing image"),
    ],
)
def test_what_is_left_out_is_named(root: Path, line: bytes, kind: str) -> None:
    before = len(load_pairs(root).pairs)
    add_line(root, line)
    assert len(load_pairs(root).pairs) == before
    new = [finding for finding in load_pairs(root).findings if "titles.csv:9" in f"{finding.key} {finding.detail}"]
    assert [finding.kind for finding in new if not finding.kind.startswith("repaired")] == [kind]


def test_an_image_without_a_row_is_kept_without_text(root: Path, picture: Writer) -> None:
    picture(key("pie_50.jpg"))
    picture("images/train/loose.jpg")
    (root / "images/train/pie/notes.txt").write_text("x")
    (root / "images/train/pie/.DS_Store").write_text("x")
    (root / os.fsdecode(b"images/train/pie/a\xff.jpg")).write_bytes(b"x")
    pair = next(pair for pair in load_pairs(root).pairs if pair.key == key("pie_50.jpg"))
    assert (pair.text, pair.label, pair.split) == ("", "pie", "train")
    found = kinds(root)
    assert key("pie_50.jpg") in found["missing text"]
    assert found["missing class"] == ["images/train/loose.jpg"]
    assert found["stray file"] == [key("a?.jpg"), key("notes.txt")]


def test_other_encodings_and_odd_line_ends(root: Path) -> None:
    for number in (1, 2):
        (root / key(f"pie_6{number}.jpg")).write_bytes((root / key("pie_1.jpg")).read_bytes())
    add_line(root, "pie_61.jpg,Crème,pie".encode("cp1252"))
    add_line(root, "pie_62.jpg,a\u2028b\x85c,pie\r".encode())  # str.splitlines would cut here
    texts = {pair.key: pair.text for pair in load_pairs(root).pairs}
    assert texts[key("pie_61.jpg")] == "Crème"
    assert texts[key("pie_62.jpg")] == "a b c"
    assert kinds(root)["repaired encoding"] == ["texts/train_titles.csv:9"]


def test_a_header_is_no_pair(root: Path) -> None:
    path = root / "texts/train_titles.csv"
    path.write_text("image,title,class\n" + TITLES, encoding="utf-8")
    assert len(load_pairs(root).pairs) == 9
    assert "unreadable row" not in kinds(root)


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])))
def test_properly_quoted_titles_come_back(title: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(["a.jpg", title, "pie"])
    fields = split_line(buffer.getvalue())
    assert fields is not None
    assert fields[0::2] == ("a.jpg", "pie")
    if title == title.strip() and not title.startswith('"'):
        assert fields[1] == title


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("[['Pie']]", "Pie"),
        ('[["A", "B"]]', 'A", "B'),
        ("[Recipe] Pie", "[Recipe] Pie"),
        ("A &lt;b&gt;  pie\t!", "A <b> pie !"),
    ],
)
def test_clean_title(raw: str, clean: str) -> None:
    assert clean_title(raw) == clean


def test_texts_txt_with_split_folders(tmp_path: Path, picture: Writer) -> None:
    picture("images/train/pie/pie_1.jpg")
    picture("images/test/pie/pie_2.jpg")
    picture("images/test/pie/pie_3.jpg")
    for number in (1, 2, 9):
        page = tmp_path / f"texts_txt/pie/pie_{number}.txt"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"Pie {number}\n\nTake flour.", encoding="utf-8")
    loaded = load_pairs(tmp_path)
    assert loaded.format == "texts_txt"
    assert [(pair.split, pair.text) for pair in loaded.pairs] == [
        ("test", "Pie 2 Take flour."),
        ("test", ""),
        ("train", "Pie 1 Take flour."),
    ]
    assert [(finding.kind, finding.key) for finding in loaded.findings] == [
        ("missing text", "images/test/pie/pie_3.jpg"),
        ("missing image", "texts_txt/pie/pie_9.txt"),
    ]


def test_texts_txt_without_splits_draws_one(tmp_path: Path, picture: Writer) -> None:
    for number in range(12):
        for label in ("pie", "soup"):
            picture(f"images/{label}/{label}_{number}.jpg")
            page = tmp_path / f"texts_txt/{label}/{label}_{number}.txt"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"{label} {number}")
    splits = {pair.key: pair.split for pair in load_pairs(tmp_path).pairs}
    assert sorted(splits.values()).count("test") == 6
    assert splits == {pair.key: pair.split for pair in load_pairs(tmp_path).pairs}


def test_unusable_roots_say_why_in_one_line(tmp_path: Path, root: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no known layout"):
        load_pairs(empty)
    with pytest.raises(DataError, match="no such file"):
        load_pairs(tmp_path / "nowhere")
    with pytest.raises(DataError, match="not in the layout mmbt"):
        load_pairs(root, "mmbt")
    with pytest.raises(UsageError, match=r"unknown data format 'upm'.*'upmc'"):
        load_pairs(root, "upm")
    with pytest.raises(UsageError, match="no columns"):
        load_pairs(root, text_column="title")
    (empty / "texts").mkdir()
    (empty / "texts/train_titles.csv").write_text("pie_1.jpg,x,pie\n")
    with pytest.raises(DataError, match=r"no usable pair.*1 x missing image"):
        load_pairs(empty)
