"""The figure of a change of the text: right pixels for right numbers, any text, the same bytes twice."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from gazeshift.drawing.gaze_figure import GazeRow, Kind, gaze_figure

GREY = Image.new("RGB", (60, 40), (128, 128, 128))
EVEN = np.full((2, 2), 0.25)
RIGHT = np.array([[0.0, 0.5], [0.0, 0.5]])


def row(name: str = "fusion", before: np.ndarray | None = EVEN, after: np.ndarray | None = RIGHT) -> GazeRow:
    return GazeRow(name, GREY, before, after, ("pie", "soup"), 0.5)


def panels(found: bytes) -> list[np.ndarray]:
    """The four panels of a figure with one model, by where its pixels are not white."""
    pixels = np.asarray(Image.open(io.BytesIO(found)).convert("RGB"), dtype=int)
    middle = pixels[int(pixels.shape[0] * 0.5)]
    drawn = (middle != 255).any(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], drawn, [False]]).astype(int)))
    return [middle[start:end] for start, end in edges.reshape(-1, 2) if end - start > 100]


def test_what_is_lost_is_blue_and_what_is_gained_is_orange() -> None:
    picture, before, after, change = panels(gaze_figure([row()], ("a pie", "a soup"), "png"))
    assert (abs(picture - 128) <= 2).all()
    tenth = len(change) // 10
    left, right = change[tenth], change[-tenth]
    assert left[2] > left[0]  # blue over red
    assert right[0] > right[2]
    assert abs(before - before[len(before) // 2]).max() <= 2  # an even map is one colour
    assert abs(after[-tenth] - before[-tenth]).max() > 20  # twice as much there, on the same scale


def test_without_a_map_it_is_hatched_and_nothing_is_said_to_change() -> None:
    picture, before, after, change = panels(gaze_figure([row(after=None)], ("a", ""), "png"))
    for panel in (after, change):
        assert len(np.unique(panel, axis=0)) > 1  # stripes, where a map of a grey picture would be even
    assert len(np.unique(before, axis=0)) == 1
    assert len(picture) > 0


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("text", ["$a_b$ \\frac{", "赤い傘 \U0010ffff", "<script>&amp;", "a\nb\x00c", "word " * 200])
def test_any_text_is_drawn_and_twice_the_same(kind: Kind, text: str) -> None:
    found = gaze_figure([row(text), row()], (text, ""), kind)
    assert found == gaze_figure([row(text), row()], (text, ""), kind)
    if kind == "svg":
        assert ElementTree.fromstring(found).tag.endswith("svg")  # noqa: S314  it is ours
        assert b"<script" not in found
