"""Pictures of maps, against slow definitions."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gazeshift.drawing.numbers import shown
from gazeshift.drawing.overlay import OPACITY, Quality, data_uri, overlay
from gazeshift.report.axis import WIDTH, Axis
from gazeshift.report.distributions import HEIGHT, SHARE, _steps

GREY = Image.new("RGB", (60, 60), (128, 128, 128))


def hot(picture: Image.Image) -> np.ndarray:
    rgb = np.asarray(picture).astype(float)
    return rgb[..., 0] - rgb[..., 2]


def test_red_is_where_the_map_is_high():
    raw = np.zeros((6, 6))
    raw[1, 4] = 1e-12
    warm = hot(overlay(GREY, raw))
    y, x = np.unravel_index(warm.argmax(), warm.shape)
    assert (y // 10, x // 10) == (1, 4)
    assert warm[45:, :20].max() <= 0  # far away the picture is as it was: grey


def test_an_overlay_fades_to_nothing_where_the_map_is_zero():
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    raw = np.zeros((9, 9))
    raw[4, 4] = 1.0
    drawn, faint = (np.asarray(overlay(picture, raw + low)).astype(float) for low in (0.0, 1e-3))
    far = np.ones((90, 90), dtype=bool)
    far[30:60, 30:60] = False  # a cell and half of each neighbour: where the map is drawn at all
    pale = 40 + 0.84 * (0.2 * np.asarray(picture) + 0.8 * np.asarray(picture.convert("L"))[..., None])
    assert np.abs(drawn - pale)[far].max() <= 0.5 + 1e-6
    # A thousandth of the maximum is drawn with a thousandth of the opacity: no step from nothing to something.
    assert np.abs(faint - pale)[far].max() <= 0.5 + 255 * OPACITY * 1e-3


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e10])
def test_scale_changes_no_picture(scale: float):
    raw = np.random.default_rng(0).normal(size=(5, 5))
    assert np.array_equal(overlay(GREY, raw), overlay(GREY, raw * scale))


def test_negative_evidence_is_not_drawn():
    raw = np.random.default_rng(1).normal(size=(5, 5))
    assert np.array_equal(overlay(GREY, raw), overlay(GREY, np.maximum(raw, 0)))


def test_upsampling_puts_cell_centres_on_pixel_centres():
    # A ramp over 2 cells, 8 pixels: bilinear between centres at 1.5 and 5.5, flat beyond.
    raw = np.array([[0.0, 1.0]])
    value = np.clip((np.arange(8) + 0.5 - 2) / 4, 0, 1)
    row = np.asarray(overlay(Image.new("RGB", (8, 1), (0, 0, 0)), raw)).astype(float)[0]
    pale = 40.0  # black, paled
    assert row[:2] == pytest.approx(np.full((2, 3), pale), abs=1)
    opacity = OPACITY * value
    blue_left = (row[2] - pale * (1 - opacity[2])) / opacity[2]
    assert blue_left[2] > blue_left[0]
    assert np.array_equal(row[6], row[7])
    assert not np.array_equal(row[5], row[6])


@pytest.mark.parametrize("raw", [np.zeros((4, 4)), -np.ones((4, 4)), np.full((4, 4), np.nan)])
def test_undefined_maps_are_hatched_not_blank(raw: np.ndarray):
    drawn = np.asarray(overlay(GREY, raw))
    assert len(np.unique(drawn)) == 2
    assert np.array_equal(drawn[..., 0], drawn[..., 2])


def test_pictures_are_shrunk_never_enlarged():
    def size(edge: int) -> tuple[int, int]:
        return Image.open(io.BytesIO(base64.b64decode(data_uri(GREY, Quality(edge, 80)).split(",")[1]))).size

    assert size(30) == (30, 30)
    assert size(300) == (60, 60)


def test_histogram_outline_encloses_the_counts():
    counts = np.array([0, 4, 1, 2])
    path = _steps(counts)
    assert path.startswith(f"M0 {HEIGHT:.0f}")
    tops = [float(part.split("H")[0]) for part in path.split("V")[1:-1]]
    heights = HEIGHT - np.array(tops)
    assert heights / heights.max() == pytest.approx(counts / 4, abs=2e-3)
    assert path.endswith(f"H{WIDTH:.1f}V{HEIGHT:.0f}Z")
    assert _steps(np.zeros(3)) == ""


def test_axes_hold_the_values_and_round_ticks():
    axis = Axis.holding([-0.31, 0.2, 0.74, float("nan")], SHARE)
    assert axis.low <= -0.3
    assert axis.high >= 0.73
    assert 3 <= len(axis.ticks) <= 9
    assert (axis.ticks[0], axis.ticks[-1]) == (axis.low, axis.high)
    assert (axis.place(axis.low), axis.place(axis.high)) == (0, WIDTH)
    flat, empty = Axis.holding([0.0, 0.0]), Axis.holding([])
    assert flat.low == 0 < flat.high < 0.01
    assert (empty.low, empty.high) == (0, 1)


@pytest.mark.slow
@given(low=st.floats(-10, 0), high=st.floats(0, 10))
def test_zero_is_a_tick_and_ticks_are_few(low: float, high: float):
    axis = Axis.holding([low, high])
    assert axis.low <= low + 1e-8
    assert axis.high >= high - 1e-8
    assert 0 in axis.ticks
    assert 2 <= len(axis.ticks) <= 10
    assert axis.ticks[-1] == pytest.approx(axis.high)


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (0.8125, "percent", "81.2\u00a0%"), (0.2599, "points", "+26.0"), (-0.112, "points", "−11.2"), (-0.00001, "signed", "+0.000"),
        (float("nan"), "bits", "–"), (None, "bits", "–"), (125, "seconds", "2 min 05 s"), (3.21, "seconds", "3.2\u00a0s"),
    ],
)  # fmt: skip
def test_rounding(value, kind: str, wanted: str):
    assert shown(value, kind) == wanted
