"""Colours over a picture: every pixel against the definition, pixel by pixel, in another language."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.app.browser.looking import Looking

ROWS, COLUMNS, OPACITY, SCALE = 3, 4, 0.8, 0.7
DRAW = """async ([values, rows, columns, scale, opacity, name]) => {
  const drawing = await import("/page/drawing.js");
  const picture = document.querySelector("#samples img"), canvas = document.createElement("canvas");
  const grid = values && { values, rows, columns };
  drawing.draw(canvas, picture, grid, drawing[name], scale, opacity);
  const plain = document.createElement("canvas");
  plain.width = canvas.width; plain.height = canvas.height;
  plain.getContext("2d").drawImage(picture, 0, 0);
  const read = (each) => [...each.getContext("2d").getImageData(0, 0, each.width, each.height).data];
  return [canvas.width, canvas.height, read(plain), read(canvas)];
}"""
# Colours at even distances from 0 on: the maps' own, and those of what is lost and gained.
SEQUENTIAL = [
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
]
LOST = [(255, 255, 255), (146, 197, 222), (67, 147, 195), (33, 102, 172)]
GAINED = [(255, 255, 255), (253, 184, 99), (230, 130, 30), (179, 88, 6)]


def colour(value: float, name: str) -> np.ndarray:
    stops = SEQUENTIAL if name == "evidence" else GAINED if value >= 0 else LOST
    size = abs(value) if name == "change" else max(value, 0)
    places = np.linspace(0, 1, len(stops))
    return np.array([np.interp(size, places, channel) for channel in zip(*stops, strict=True)])


def between_centres(values: np.ndarray, y: float, x: float) -> float:
    """Bilinear; ``y`` and ``x`` are shares of the picture."""
    rows, columns = values.shape
    lines = [np.interp(x, (np.arange(columns) + 0.5) / columns, line) for line in values]
    return float(np.interp(y, (np.arange(rows) + 0.5) / rows, lines))


@pytest.mark.parametrize("name", ["evidence", "change"])
def test_every_pixel_is_what_the_definition_says(look: Callable[..., Looking], name: str) -> None:
    page = look().ready().page
    rng = np.random.default_rng(3)
    values = rng.uniform(0 if name == "evidence" else -1, 1, (ROWS, COLUMNS))
    width, height, plain, drawn = page.evaluate(DRAW, [values.ravel().tolist(), ROWS, COLUMNS, SCALE, OPACITY, name])
    before, after = (np.array(each, float).reshape(height, width, 4)[..., :3] for each in (plain, drawn))
    faded = 0.65 * (before @ [0.3, 0.59, 0.11])[..., None] + 0.35 * before
    expected = np.empty_like(faded)
    for y, x in np.ndindex(height, width):
        value = np.clip(between_centres(values, (y + 0.5) / height, (x + 0.5) / width) / SCALE, -1, 1)
        over = abs(value) * OPACITY
        expected[y, x] = faded[y, x] * (1 - over) + colour(value, name) * over
    assert np.abs(after - expected).max() <= 2  # rounded twice to whole numbers: the faded picture, and what is over it


def test_without_a_map_the_faded_picture_is_hatched(look: Callable[..., Looking]) -> None:
    page = look().ready().page
    width, height, plain, drawn = page.evaluate(DRAW, [None, 0, 0, 1, OPACITY, "evidence"])
    before, after = (np.array(each, float).reshape(height, width, 4)[..., :3] for each in (plain, drawn))
    faded = 0.65 * (before @ [0.3, 0.59, 0.11])[..., None] + 0.35 * before
    hatched = np.add.outer(np.arange(height), np.arange(width)) % 16 < 2
    assert (after[hatched] == 128).all()
    assert np.abs(after - faded)[~hatched].max() <= 1


OUTLINE = """async ([rows, columns, runs]) => {
  const { outline } = await import("/page/regions.js");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 60;
  outline(canvas, { rows, columns, runs });
  const { data } = canvas.getContext("2d").getImageData(0, 0, 60, 60);
  return [...data].filter((_, place) => place % 4 === 3);
}"""


def test_a_region_is_outlined_where_it_ends_and_not_where_the_picture_does(look: Callable[..., Looking]) -> None:
    page = look().ready().page
    # Of 6 x 6 cells of 10 pixels, one inside, in row 2 and column 3; then one in a corner.
    drawn = np.array(page.evaluate(OUTLINE, [6, 6, [15, 1, 20]])).reshape(60, 60)
    near = np.zeros((60, 60), bool)
    near[17:33, 27:43] = True
    assert (drawn[~near] == 0).all()
    assert (drawn[24:27, 34:37] == 0).all()
    assert all(drawn[at] > 0 for at in ((20, 35), (29, 35), (25, 30), (25, 39)))
    corner = np.array(page.evaluate(OUTLINE, [6, 6, [0, 1, 35]])).reshape(60, 60)
    assert corner[0, 5] > 0
    assert corner[59].max() == 0
