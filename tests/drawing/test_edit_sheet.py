"""The picture of an edit: the words that change are marked, the maps are the overlay's, the region is outlined."""

import numpy as np
from PIL import Image

from gazeshift.drawing.edit_sheet import EditPanel, edit_sheet
from gazeshift.drawing.outline import edge
from gazeshift.drawing.overlay import overlay

RED, GREEN = (240, 190, 184), (176, 224, 188)
VIEW = Image.fromarray(np.full((48, 64, 3), 200, np.uint8))
NOWHERE = np.zeros((48, 64), bool)
PIECES = [("same", "a "), ("old", "red"), ("new", "blue"), ("same", " pie")]
RAW = np.arange(12.0).reshape(3, 4) - 4


def colours(sheet: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in np.asarray(sheet).reshape(-1, 3)}


def test_what_goes_and_what_comes_is_marked() -> None:
    assert {RED, GREEN} <= colours(edit_sheet(VIEW, PIECES, [EditPanel("image")], NOWHERE, "").image)
    deleted = colours(edit_sheet(VIEW, [PIECES[0], PIECES[1], PIECES[3]], [EditPanel("image")], NOWHERE, "").image)
    assert RED in deleted
    assert GREEN not in deleted


def test_the_maps_are_those_of_the_overlay_and_the_region_is_outlined() -> None:
    region = NOWHERE.copy()
    region[10:30, 5:40] = True
    panels = [EditPanel("image"), EditPanel("before", RAW), EditPanel("after", -np.ones((3, 4)))]
    plain, marked = (np.asarray(edit_sheet(VIEW, PIECES, panels, mask, "said").image) for mask in (NOWHERE, region))
    width = (1240 - 48 - 32) // 3
    size = (width, round(48 * width / 64))
    drawn = np.asarray(overlay(VIEW.resize(size), RAW))
    assert any(
        np.array_equal(plain[top : top + size[1], 24 + width + 16 : 24 + 2 * width + 16], drawn)
        for top in range(plain.shape[0] - size[1])
    )
    changed = (plain != marked).any(2)
    inside = np.asarray(Image.fromarray(region).resize(size, Image.Resampling.NEAREST))
    assert 0 < changed.sum() <= 3 * edge(inside, 2).sum()


def test_long_texts_and_notes_take_more_lines_and_missing_characters_are_told() -> None:
    short = edit_sheet(VIEW, PIECES, [EditPanel("image")], NOWHERE, "said")
    long = edit_sheet(VIEW, [("same", "word " * 200), *PIECES[1:]], [EditPanel("image")], NOWHERE, "said " * 100)
    assert long.image.width == short.image.width == 1240
    assert long.image.height > short.image.height + 100
    assert edit_sheet(VIEW, [("same", "\U0001f9ff")], [EditPanel("image")], NOWHERE, "").missing == "\U0001f9ff"


def test_an_edge_is_the_pixels_next_to_the_outside() -> None:
    mask = np.zeros((5, 6), bool)
    mask[1:4, 0:5] = True
    expected = mask.copy()
    expected[2, 1:4] = False
    np.testing.assert_array_equal(edge(mask, 1), expected)
