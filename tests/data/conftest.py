import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Writer = Callable[..., Path]


@pytest.fixture
def picture(tmp_path: Path) -> Writer:
    """Write a small PNG of one colour under the data root; JPEG if its name says so."""

    def write(relative: str, colour: object = "red") -> Path:
        path = tmp_path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 8), colour).save(path)
        return path

    return write


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str, list[list[str]]], Path]:
    def write(name: str, rows: list[list[str]]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return path

    return write


NAMES = ("apple", "bread", "cake")


@pytest.fixture
def rows(tmp_path: Path, picture: Writer) -> list[dict[str, Any]]:
    """Eighteen good pairs as rows of a table, three classes, training and test; their pictures, all different, under the data root."""
    made: list[dict[str, Any]] = []
    for number in range(18):
        name, split = NAMES[number % 3], ("train", "train", "test")[number // 3 % 3]
        picture(f"images/im{number:02}.png", (number * 10, 100, 50))
        text = f"a tasty {name}, number {number}"
        made.append({"image": f"images/im{number:02}.png", "text": text, "label": name, "split": split})
    return made
