"""Shapes as masks, each re-derived pixel by pixel."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gazeshift.data import decode as decoding
from gazeshift.data.decode import stored_levels
from gazeshift.data.regions.shapes import Box, Disc, LabelledPixels, MaskImage, Polygons, RunLengths, decode_runs
from gazeshift.errors import DataError, ImageError

PYCOCOTOOLS = "T>7o04M2N2N2O0O2O000000000001N101N2N2N3Lfh0"
"""``pycocotools.mask.encode`` of a disc of radius 9.5 round (20, 15) on a picture of 50 x 40."""

sides = st.integers(1, 12)
places = st.floats(-3, 15).map(lambda value: round(value, 2))
rings = st.lists(st.tuples(places, places), min_size=3, max_size=7).map(tuple)


def nothing(source: Any) -> Any:
    raise AssertionError("numbers need no picture")


@given(sides, sides, places, places, places, places)
def test_a_box_holds_the_pixels_whose_centres_lie_in_it(width, height, x0, y0, x1, y1):
    found = Box(x0, y0, x1, y1).mask(width, height, nothing)
    for y in range(height):
        for x in range(width):
            assert found[y, x] == (x0 <= x + 0.5 < x1 and y0 <= y + 0.5 < y1)


@given(sides, sides, rings)
def test_a_polygon_holds_the_pixels_whose_centres_it_surrounds(width, height, ring):
    found = Polygons((ring,)).mask(width, height, nothing)
    edges = [*pairwise(ring), (ring[-1], ring[0])]
    for y in range(height):
        for x in range(width):
            crossed = 0
            for (xa, ya), (xb, yb) in edges:
                if min(ya, yb) <= y + 0.5 < max(ya, yb):
                    crossed += xa + (y + 0.5 - ya) * (xb - xa) / (yb - ya) < x + 0.5
            assert found[y, x] == crossed % 2


@given(sides, sides, rings, rings)
def test_several_outlines_are_one_region(width, height, one, other):
    both = Polygons((one, other)).mask(width, height, nothing)
    alone = [Polygons((ring,)).mask(width, height, nothing) for ring in (one, other)]
    assert np.array_equal(both, alone[0] | alone[1])


def test_the_extent_of_outlines_is_that_of_all_their_corners() -> None:
    assert Polygons((((1, 2), (3, 4), (0, 3)), ((5, 5), (6, 9), (5, 8)))).extent == (0, 2, 6, 9)


def encoded(mask: np.ndarray) -> tuple[tuple[int, ...], str]:
    """COCO's runs of a mask, and its compressed text: ``rleToString`` of its ``maskApi.c``, step by step."""
    runs, inside, length = [], False, 0
    for pixel in mask.T.ravel().tolist():
        if pixel != inside:
            runs.append(length)
            inside, length = pixel, 0
        length += 1
    runs.append(length)
    text = ""
    for place, run in enumerate(runs):
        number = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            digit = number & 0x1F
            number >>= 5
            more = number != -1 if digit & 0x10 else number != 0
            text += chr(48 + (digit | 0x20 if more else digit))
    return tuple(runs), text


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_run_lengths_give_back_the_mask(width, height, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    runs, text = encoded(mask)
    assert decode_runs(text) == runs
    assert np.array_equal(RunLengths(runs, height, width).mask(width, height, nothing), mask)


def test_run_lengths_as_pycocotools_writes_them() -> None:
    y, x = np.mgrid[:40, :50]
    mask = (x - 20) ** 2 + (y - 15) ** 2 <= 9.5**2
    assert encoded(mask)[1] == PYCOCOTOOLS
    assert np.array_equal(RunLengths(decode_runs(PYCOCOTOOLS), 40, 50).mask(50, 40, nothing), mask)


@pytest.mark.parametrize(("text", "message"), [("\x01", "not a run-length"), ("P", "cut off"), ("O", "negative")])
def test_run_lengths_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_runs(text)


def test_a_disc() -> None:
    found = Disc(2.0, 1.0, 1.2).mask(4, 3, nothing)
    assert found.astype(int).tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("mode", "values"),
    [("L", (0, 255)), ("L", (0, 1)), ("P", (0, 1)), ("1", (0, 1)), ("RGB", (0, 255)), ("RGBA", (0, 255))],
)
def test_a_mask_is_its_bright_pixels_however_it_is_stored(tmp_path: Path, mode: str, values: tuple[int, int]) -> None:
    wanted = np.random.default_rng(0).random((5, 7)) < 0.4
    if mode == "1":
        image = Image.fromarray(wanted)
    elif mode == "P":
        image = Image.fromarray(wanted.astype(np.uint8))
        image.putpalette([0, 0, 0, 255, 0, 0])
    else:
        image = Image.fromarray(np.where(wanted, values[1], values[0]).astype(np.uint8)).convert(mode)
    image.save(tmp_path / "mask.png")
    assert np.array_equal(MaskImage(tmp_path / "mask.png").mask(7, 5, stored_levels), wanted)


def test_an_empty_mask_is_empty(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "mask.png")
    assert not MaskImage(tmp_path / "mask.png").mask(4, 4, stored_levels).any()


def test_a_label_map_gives_each_object_its_pixels(tmp_path: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 4, (6, 6)).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    for value in range(1, 4):
        found = LabelledPixels(tmp_path / "labels.png", value).mask(6, 6, stored_levels)
        assert np.array_equal(found, labels == value)


def test_what_was_made_for_another_picture_is_refused(tmp_path: Path) -> None:
    Image.new("L", (3, 4)).save(tmp_path / "mask.png")
    Image.new("RGB", (3, 3)).save(tmp_path / "colour.png")
    for shape, message in [
        (MaskImage(tmp_path / "mask.png"), "a picture of 3 x 4, and its picture has 3 x 3"),
        (LabelledPixels(tmp_path / "mask.png", 1), "a picture of 3 x 4"),
        (LabelledPixels(tmp_path / "colour.png", 1), "colour image"),
        (RunLengths((12,), 4, 3), "a picture of 3 x 4"),
        (RunLengths((8,), 3, 3), "8 pixels long, its picture has 9"),
    ]:
        with pytest.raises(DataError, match=message):
            shape.mask(3, 3, stored_levels)


def test_a_mask_that_is_damaged_or_too_large_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)).save(tmp_path / "mask.png")
    whole = (tmp_path / "mask.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"cut\.png: damaged or truncated"):
        stored_levels(tmp_path / "cut.png")
    monkeypatch.setattr(decoding, "MAX_PIXELS", 3599)
    with pytest.raises(ImageError, match=r"mask\.png: 60 x 60 pixels exceed the limit of 3,599"):
        stored_levels(tmp_path / "mask.png")
