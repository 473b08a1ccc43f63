"""The check is clean only where a study would run: both ask one function, and both are asked here of the same data."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gazeshift.data.audit import audit
from gazeshift.data.fitness import obstacles
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError
from gazeshift.study.pairs import read_pairs
from gazeshift.study.sections import DataConfig

Rows = list[dict[str, Any]]


def lonely(rows: Rows) -> Rows:
    """One training pair a class."""
    return [row for row in rows if row["split"] == "test"] + rows[:3]


REFUSED: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "no test pair": (lambda rows: [row for row in rows if row["split"] == "train"], "no pair is left in the test split; mark"),
    "no training pair": (lambda rows: [row for row in rows if row["split"] == "test"], "train split; mark"),
    "validation for test": (
        lambda rows: [{**row, "split": "val" if row["split"] == "test" else "train"} for row in rows],
        "no pair is left in the test split",
    ),
    "one class": (lambda rows: [{**row, "label": "apple"} for row in rows], "one class only, 'apple'"),
    "one class in training": (
        lambda rows: [{**row, "label": "apple" if row["split"] == "train" else row["label"]} for row in rows],
        "one class only",
    ),
    "no text in training": (
        lambda rows: [{**row, "text": "" if row["split"] == "train" else row["text"]} for row in rows],
        "no training pair has a text",
    ),
    "too few for validation": (lonely, "validation split; it is drawn from the training pairs"),
    "no class in the test split": (
        lambda rows: [{**row, "label": "" if row["split"] == "test" else row["label"]} for row in rows],
        "test split: 6 rows of it have no class",
    ),
    "no image in the test split": (
        lambda rows: [{**row, "image": "gone.png" if row["split"] == "test" else row["image"]} for row in rows],
        "test split; left out: 6 x missing image",
    ),
}  # fmt: skip


def write(rows: Rows, folder: Path) -> Path:
    with (folder / "data.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "data.csv"


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_study_refuses_is_a_finding_of_the_check(rows: Rows, tmp_path: Path, name: str) -> None:
    change, message = REFUSED[name]
    path = write(change(rows), tmp_path)
    found = [finding.detail for finding in audit(load_pairs(path)).findings if finding.kind == "no study"]
    assert any(message in detail for detail in found)
    with pytest.raises(DataError) as caught:
        read_pairs(DataConfig(root=str(path)), path)
    assert found[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_good_pairs_have_no_obstacle_in_either(rows: Rows, tmp_path: Path) -> None:
    path = write(rows, tmp_path)
    assert audit(load_pairs(path)).findings == ()
    assert len(read_pairs(DataConfig(root=str(path)), path).all) == len(rows)


def test_texts_are_needed_by_those_who_read_alone(rows: Rows, tmp_path: Path) -> None:
    path = write([{**row, "text": ""} for row in rows], tmp_path)
    assert len(read_pairs(DataConfig(root=str(path)), path, reads_text=False).all) == len(rows)


def test_one_split_is_enough_for_who_asks_for_one(rows: Rows, tmp_path: Path) -> None:
    path = write([{**row, "label": "apple", "split": "test"} for row in rows], tmp_path)
    assert len(read_pairs(DataConfig(root=str(path)), path, needed=("test",)).splits["test"]) == len(rows)
    assert obstacles(load_pairs(path).pairs, needed=("test",)) == []


def test_images_that_cannot_be_decoded_count_as_gone(rows: Rows, tmp_path: Path) -> None:
    path = write(rows, tmp_path)
    for row in rows:
        if row["split"] == "test":
            (tmp_path / row["image"]).write_bytes(b"no picture")
    found = [finding.detail for finding in audit(load_pairs(path)).findings if finding.kind == "no study"]
    assert found == ["no pair is left in the test split; left out: 6 x corrupt image"]


def test_class_names_are_masked_as_they_were_in_training(rows: Rows, tmp_path: Path) -> None:
    path = write([row for row in rows if row["label"] == "apple"], tmp_path)
    config = DataConfig(root=str(path), mask_class_names=True)
    (tmp_path / "more").mkdir()
    pairs = read_pairs(config, path, needed=("test",), classes=("apple", "tasty"))
    assert all(pair.text.startswith("a [MASK] [MASK], number") for pair in pairs.all)


def test_a_limit_is_noted(rows: Rows, tmp_path: Path) -> None:
    path = write(rows, tmp_path)
    (note,) = (note for note in read_pairs(DataConfig(root=str(path), limit=1), path).notes if "limit" in note)
    assert "keeps 9 of 18 pairs" in note
