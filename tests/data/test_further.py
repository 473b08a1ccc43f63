"""Other texts of the pairs: columns of their table, and tables of their own."""

import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from gazeshift.data.contents import fingerprint
from gazeshift.data.further import with_further_file
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError
from gazeshift.pairs import Pair

ROWS = [
    {"image": "a.png", "text": "a red car", "label": "car", "split": "train", "other": "a blue car", "empty": ""},
    {"image": "b.png", "text": "a dog", "label": "dog", "split": "test", "other": "", "empty": ""},
    {"image": "sub/c.png", "text": "a cat", "label": "dog", "split": "test", "other": " null ", "empty": ""},
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place, row in enumerate(ROWS):
        path = tmp_path / row["image"]
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (place, 0, 0)).save(path)
    return tmp_path


def write(root: Path, suffix: str) -> None:
    frame = pd.DataFrame(ROWS)
    match suffix:
        case "csv":
            frame.to_csv(root / "pairs.csv", index=False)
        case "jsonl":
            (root / "pairs.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
        case "parquet":
            frame.to_parquet(root / "pairs.parquet")


def others(pairs: list[Pair] | tuple[Pair, ...], column: str = "other") -> dict[str, str | None]:
    return {pair.key: pair.further_text(column) for pair in pairs}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_column_of_the_table(root: Path, suffix: str) -> None:
    write(root, suffix)
    found = load_pairs(root, further=("other", "empty"))
    assert others(found.pairs) == {"a.png": "a blue car", "b.png": None, "sub/c.png": "null"}
    assert set(others(found.pairs, "empty").values()) == {None}
    assert {pair.further for pair in load_pairs(root).pairs} == {()}


def test_a_column_that_is_not_there_is_named_with_those_that_are(root: Path) -> None:
    write(root, "csv")
    with pytest.raises(DataError, match=r"no column 'fals' for the changed texts. Columns: image, text, .*other"):
        load_pairs(root, further=("fals",))


def test_they_do_not_change_what_the_data_are(root: Path) -> None:
    """Another column of changed texts repeats no training."""
    write(root, "csv")
    assert fingerprint(load_pairs(root).pairs) == fingerprint(load_pairs(root, further=("other",)).pairs)


def table(root: Path, *rows: tuple[str, str], key: str = "key") -> str:
    pd.DataFrame(rows, columns=[key, "changed"]).to_csv(root / "texts.csv", index=False)
    return "texts.csv"


@pytest.mark.parametrize("key", ["key", "image", "File_Name"])
def test_a_table_of_its_own(root: Path, key: str) -> None:
    write(root, "csv")
    file = table(root, ("a.png", "a green car"), ("c.png", "a lion"), ("gone.png", "x"), ("b.png", " "), key=key)
    pairs, findings = with_further_file(root, load_pairs(root, format="table").pairs, file, "changed")
    assert others(pairs, "changed") == {"a.png": "a green car", "b.png": None, "sub/c.png": "a lion"}
    assert [(found.kind, found.key) for found in findings] == [("stray text", "gone.png")]


def test_a_table_of_its_own_may_lie_elsewhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write(root, "csv")
    place = tmp_path_factory.mktemp("elsewhere")
    pairs, _ = with_further_file(root, load_pairs(root).pairs, str(place / table(place, ("b.png", "x"))), "changed")
    assert others(pairs, "changed")["b.png"] == "x"


def test_an_exact_key_counts_before_a_file_name(root: Path) -> None:
    pairs = [Pair(key, root / "a.png", "", "car", "test") for key in ("c.png", "a.png#2")]
    pairs.append(Pair("sub/c.png", root / "sub/c.png", "", "car", "test"))
    found, _ = with_further_file(root, pairs, table(root, ("c.png", "x"), ("a.png#2", "y")), "changed")
    assert others(found, "changed") == {"c.png": "x", "a.png#2": "y", "sub/c.png": None}


@pytest.mark.parametrize(
    ("rows", "column", "key", "said"),
    [
        ([("a.png", "x"), ("a.png", "y")], "changed", "key", "a second text for 'a.png'; give each key one"),
        ([("a.png", "x")], "missing", "key", "no column 'missing'. Columns: key, changed"),
        ([("a.png", "x")], "changed", "who", "no column says the pair; call it key"),
    ],
)
def test_a_table_that_cannot_be_used(root: Path, rows: list[tuple[str, str]], column: str, key: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        with_further_file(root, [], table(root, *rows, key=key), column)


def test_no_such_table(root: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        with_further_file(root, [], "none.csv", "changed")
