import csv
from collections.abc import Callable
from pathlib import Path

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
