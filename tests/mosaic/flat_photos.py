"""A source of photos that can be told apart after JPEG: each is of one colour, which no other has."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

CLASSES = ("apple_pie", "ramen", "sushi", "crème brûlée", "ラーメン", "beet_salad")
Colour = tuple[int, int, int]
Source = Callable[..., Path]


def colour_of(number: int) -> Colour:
    """Colours at least 20 levels apart in one channel."""
    return 20 + 20 * (number % 12), 20 + 20 * (number // 12 % 12), 40 + 60 * (number // 144)


def flat(number: int, size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour_of(number)).save(buffer, "PNG")
    return buffer.getvalue()


def write_source(
    root: Path,
    *,
    classes: tuple[str, ...] = CLASSES,
    photos: tuple[tuple[str, int], ...] = (("train", 9), ("test", 5)),
    extra: tuple[tuple[str, str, str, bytes], ...] = (),
) -> Path:
    """A table of photos: ``photos`` of each class and split, and rows ``file, class, split, content`` besides."""
    rows, number = [["image", "label", "split"]], 0
    (root / "images").mkdir(parents=True)
    for split, count in photos:
        for label in classes:
            for _ in range(count):
                rows.append([f"images/{number}.png", label, split])
                (root / "images" / f"{number}.png").write_bytes(flat(number))
                number += 1
    for file, label, split, content in extra:
        rows.append([file, label, split])
        (root / file).write_bytes(content)
    with (root / "data.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return root
