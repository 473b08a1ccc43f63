"""Paths as people write them, columns as they call them, images in several rows, classes that look alike or are numbers."""

import csv
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.data.audit import audit
from gazeshift.data.labels import doubtful_classes, plain_numbers
from gazeshift.data.rows import PairSet, Row
from gazeshift.data.sources import load_pairs
from gazeshift.data.splits import with_validation
from gazeshift.errors import DataError
from gazeshift.pairs import Pair

Rows = list[dict[str, Any]]


def load(rows: Rows, folder: Path, **options: Any) -> PairSet:
    with (folder / "data.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return load_pairs(folder, **options)


def kinds(found: PairSet) -> list[str]:
    return sorted({finding.kind for finding in found.findings})


SPELLINGS: dict[str, tuple[Callable[[str, Path], str], str]] = {
    "backslashes": (lambda path, root: path.replace("/", "\\"), "backslashes"),
    "dot and backslash": (lambda path, root: ".\\" + path.replace("/", "\\"), "backslashes"),
    "absolute": (lambda path, root: str((root / path).resolve()), "absolute"),
    "address of a file": (lambda path, root: f"file://{(root / path).resolve()}", "absolute"),
    "dot": (lambda path, root: f"./{path}", ""),
    "spaces around": (lambda path, root: f"  {path} ", ""),
    "in images/": (lambda path, root: path.removeprefix("images/"), ""),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_paths_of_other_systems_are_read_and_noted(rows: Rows, tmp_path: Path, spelling: str) -> None:
    write, note = SPELLINGS[spelling]
    found = load([{**row, "image": write(row["image"], tmp_path)} for row in rows], tmp_path)
    assert [pair.image for pair in found.pairs] == [tmp_path / row["image"] for row in rows]
    assert found.findings == ()
    assert any(note in each for each in found.notes)


@pytest.mark.parametrize("change", [str.upper, str.title, lambda name: name.replace("tasty", "tasty ")])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_another_case_form_or_spacing_are_found_and_said(
    rows: Rows, tmp_path: Path, picture: Callable[..., Path], form: Any, change: Callable[[str], str]
) -> None:
    picture(f"images/{unicodedata.normalize('NFC', 'tasty gâteau.png')}")
    written = "images/" + change(unicodedata.normalize(form, "tasty gâteau.png"))
    found = load([{**rows[0], "image": written}, *rows[1:]], tmp_path)
    assert found.pairs[0].key == " ".join(written.split(" ")).strip()  # the table's name: the same on every system
    assert found.pairs[0].image == tmp_path / "images/tasty gâteau.png"
    assert kinds(found) == ["repaired name"]


def test_a_decomposed_name_alone_is_found(rows: Rows, tmp_path: Path) -> None:
    composed = unicodedata.normalize("NFC", "images/gâteau.png")
    (tmp_path / rows[0]["image"]).rename(tmp_path / unicodedata.normalize("NFD", composed))
    found = load([{**rows[0], "image": composed}, *rows[1:]], tmp_path)
    assert len(found.pairs) == len(rows)
    assert kinds(found) == ["repaired name"]


def test_a_name_that_fits_two_files_is_not_guessed(rows: Rows, tmp_path: Path, picture: Callable[..., Path]) -> None:
    picture("images/IM00.png", "blue")
    found = load([{**rows[0], "image": "images/Im00.png"}, *rows[1:]], tmp_path)
    (missing,) = found.findings
    assert missing.kind == "missing image"
    assert "several files" in missing.detail


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/etc/hosts", "escaped path", "absolute"),
        ("C:\\photos\\a.png", "escaped path", "absolute"),
        ("../a.png", "escaped path", "'..'"),
        ("..\\a.png", "escaped path", "'..'"),
        ("https://example.org/a.png", "missing image", "address on the web"),
        ("images/none.png", "missing image", "none.png"),
        ("x" * 5000, "missing image", "xxx...xxx"),
        ("", "missing image", "no file name"),
    ],
)
def test_a_path_that_leads_nowhere_has_the_right_reason(
    rows: Rows, tmp_path: Path, path: str, kind: str, words: str
) -> None:
    found = load([{**rows[0], "image": path}, *rows[1:]], tmp_path)
    (finding,) = found.findings
    assert (finding.kind, finding.key) == (kind, "data.csv:2")
    assert words in finding.detail


def test_the_column_that_has_the_files_is_taken_and_the_choice_is_said(rows: Rows, tmp_path: Path) -> None:
    for image in ("photo", "Bild", "path"):
        other = [
            {"id": i, "file": "", image: row.pop("image") if "image" in row else row[image], **row}
            for i, row in enumerate(map(dict, rows))
        ]
        found = load(other, tmp_path)
        assert len(found.pairs) == len(rows)
        assert any(f"image {image!r}" in note and "'id'" in note for note in found.notes)


@pytest.mark.parametrize("empty", ["", "nan"])
def test_a_usual_column_without_values_is_passed_over(rows: Rows, tmp_path: Path, empty: str) -> None:
    found = load([{**row, "class": empty, "title": row["text"], "text": ""} for row in rows], tmp_path)
    assert [(pair.text, pair.label) for pair in found.pairs] == [(row["text"], row["label"]) for row in rows]


def test_a_named_column_is_taken_as_it_is(rows: Rows, tmp_path: Path) -> None:
    found = load([{**row, "title": "another"} for row in rows], tmp_path, text_column="title")
    assert {pair.text for pair in found.pairs} == {"another"}
    with pytest.raises(DataError, match=r"no column 'none'.*--text-column"):
        load(rows, tmp_path, text_column="none")


def test_an_image_in_several_rows_is_several_pairs(rows: Rows, tmp_path: Path) -> None:
    questions = [
        {**row, "text": f"{word} {row['text']}", "label": label}
        for row in rows
        for word, label in (("is", "yes"), ("why", "so"), ("when", "now"))
    ]
    found = load(questions, tmp_path)
    assert len(found.pairs) == len({pair.key for pair in found.pairs}) == len(questions)
    assert [pair.key for pair in found.pairs[:3]] == ["images/im00.png", "images/im00.png#2", "images/im00.png#3"]
    assert found.classes == ("now", "so", "yes")
    several = [finding for finding in found.findings if finding.kind == "several texts"]
    assert len(several) == len(rows)
    assert "3 pairs of 3 classes" in several[0].detail
    assert not any(finding.kind.startswith("duplicate") for finding in audit(found).findings)


def test_the_same_row_again_is_left_out_and_another_class_is_not(rows: Rows, tmp_path: Path) -> None:
    found = load([*rows, rows[0], {**rows[1], "label": "dish"}], tmp_path)
    assert len(found.pairs) == len(rows) + 1
    assert {(f.kind, f.key) for f in found.findings if "texts" not in f.kind} == {
        ("duplicate row", "data.csv:20"),
        ("contradicting class", "data.csv:21"),
    }


images = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=15)


@given(images, st.floats(0.05, 0.9))
def test_a_drawn_split_never_divides_an_image(labels: list[list[str]], fraction: float) -> None:
    pairs = [
        Pair(f"{i}.png#{j}", Path(f"{i}.png"), f"text {i} {j}", label, "train")
        for i, own in enumerate(labels)
        for j, label in enumerate(own)
    ]
    sides = defaultdict(set)
    drawn = with_validation(pairs, fraction)
    for pair in drawn:
        sides[pair.image].add(pair.split)
    assert all(len(side) == 1 for side in sides.values())
    # A class that stands in the training pairs alone still stands there, if it did in two images or more.
    left = {pair.label for pair in drawn if pair.split == "train"}
    wide = {label for label in "abc" if sum(label in own for own in labels) > 1}
    if fraction < 0.5:
        assert {label for label in wide if all(own in ([label], []) or label not in own for own in labels)} <= left


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([f"{i}.0" for i in range(12)], [str(i) for i in range(12)]),
        (["10", "9", "100"], ["9", "10", "100"]),
        (["10.0", "9"], ["9", "10"]),
        (["1.5", "10.0", "2.0"], ["1.5", "2.0", "10.0"]),
        (["-1", "1"], ["-1", "1"]),
        (["b", "10", "9"], ["10", "9", "b"]),
        (["01", "02"], ["01", "02"]),
        (["01", "1.0", "2"], ["01", "1", "2"]),
        (["9007199254740992.0", "9007199254740993.0"], ["9007199254740992", "9007199254740993"]),
    ],
)
def test_numbers_as_classes_are_numbers(rows: Rows, tmp_path: Path, labels: list[str], classes: list[str]) -> None:
    found = load([{**row, "label": labels[i % len(labels)], "split": "train"} for i, row in enumerate(rows)], tmp_path)
    assert list(found.classes) == classes


@pytest.mark.parametrize(
    ("trained", "tested", "kept"),
    [
        (["0", "1"], ["-1"], []),
        (["-1", "1"], ["-1"], ["-1"]),
        (["0", "1"], ["-1", "0"], ["0"]),
        (["a"], ["-1"], ["-1"]),
    ],
)
def test_minus_one_is_no_class_where_none_is_trained_on_it(
    trained: list[str], tested: list[str], kept: list[str]
) -> None:
    rows = [
        Row("", (), None, label, split) for labels, split in ((trained, "train"), (tested, "test")) for label in labels
    ]
    found = [row.label for row in plain_numbers(rows) if isinstance(row, Row) and row.split == "test"]
    assert [label for label in found if label is not None] == kept


@pytest.mark.parametrize(
    "other",
    [
        "Apple Pie",
        "apple  pie",
        "apple_pie",
        "apple-pie",
        "apple\u00a0pie",
        "apple\u200b pie",
        "ａｐｐｌｅ pie",
        "APPLE PIE",
    ],
)
def test_classes_that_look_alike_are_a_finding(other: str) -> None:
    (finding,) = doubtful_classes({"apple pie": 5, other: 1, "soup": 3})
    assert finding.kind == "similar classes"
    assert "5 pairs" in finding.detail
    assert "1 pair)" in finding.detail


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["-1", "0", "1"], 0),
        (["-1", "+1"], 0),
        (["-inf", "inf", "nan?"], 0),
        (["1", "01"], 1),
        (["1", "+1", "1.00"], 2),
        (["1000", "1e3", "1_000"], 2),
        (["12345678901234567890123456789012345", "12345678901234567890123456789012346"], 0),
    ],
)
def test_numbers_look_alike_by_their_value(names: list[str], alike: int) -> None:
    found = doubtful_classes(dict.fromkeys(names, 5))
    assert [finding.kind for finding in found] == ["similar classes"] * alike


def test_composed_and_decomposed_classes_look_alike_and_accents_do_not() -> None:
    name = "crème"
    (finding,) = doubtful_classes({unicodedata.normalize(form, name): 1 for form in ("NFC", "NFD")})
    assert finding.kind == "similar classes"
    assert "'cr\\xe8me'" in finding.detail  # else the two names cannot be told apart
    assert "'cre\\u0300me'" in finding.detail
    assert doubtful_classes({name: 1, "creme": 1, "pie": 2}) == []


@pytest.mark.parametrize("name", ["None", "N/A", "?", "unlabelled"])
def test_a_class_called_as_a_missing_one_is_said(rows: Rows, tmp_path: Path, name: str) -> None:
    rows[0]["label"] = name
    found = load(rows, tmp_path)
    assert [(finding.kind, finding.key) for finding in found.findings] == [("odd class", name)]
    assert name in found.classes
