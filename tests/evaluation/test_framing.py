"""Maps of a model that sees a part of a picture lie where that part is."""

import numpy as np
import pytest
from PIL import Image

from gazeshift.errors import ModelError
from gazeshift.evaluation.framing import Framing
from gazeshift.models.adapters.view import Box, cut
from tests.study import given_models


def raster(raw: np.ndarray, box: Box, side: int, cells: int) -> np.ndarray:
    """Every cell's evidence spread evenly over the pixels of its box, and collected again in cells of the whole picture."""
    pixels = np.zeros((side, side))
    height, width = (
        (box[end] - box[start]) / count for (start, end), count in zip(((1, 3), (0, 2)), raw.shape, strict=True)
    )
    for row in range(side):
        for column in range(side):
            y, x = (row + 0.5 - box[1]) / height, (column + 0.5 - box[0]) / width
            if 0 <= y < raw.shape[0] and 0 <= x < raw.shape[1]:
                pixels[row, column] = raw[int(y), int(x)] / (height * width)
    each = side // cells
    return pixels.reshape(cells, each, cells, each).sum((1, 3))


@pytest.mark.parametrize(
    ("box", "cells"),
    [
        ((12.0, 12.0, 36.0, 36.0), 6),
        ((6.0, 0.0, 42.0, 36.0), 4),
        ((0.0, 0.0, 48.0, 48.0), 3),
        ((-12.0, -12.0, 60.0, 60.0), 2),
    ],
)
def test_a_map_lies_on_the_part_that_was_seen(box: Box, cells: int) -> None:
    raw = np.random.default_rng(0).normal(size=(3, 3))
    framing = Framing("cut", lambda picture: cut(picture, box))
    placed = framing.place(raw[None], (48, 48))[0]
    assert placed.shape == (cells, cells)
    np.testing.assert_allclose(placed, raster(raw, box, 48, cells), rtol=0, atol=1e-9)


def test_what_a_model_says_it_sees_is_believed_whether_it_cuts_or_shrinks() -> None:
    raw = np.arange(1.0, 37.0).reshape(1, 6, 6)
    model = given_models.middle()
    cuts = Framing("cuts", model.view).place(raw, (96, 96))
    assert cuts.shape == (1, 12, 12)
    np.testing.assert_allclose(cuts[:, 3:9, 3:9], raw, rtol=1e-6)
    assert cuts.sum() == pytest.approx(raw.sum())
    shrinks = Framing("shrinks", lambda picture: model.view(picture).resize((24, 24))).place(raw, (96, 96))
    np.testing.assert_allclose(shrinks, cuts, rtol=0, atol=0.05 * raw.max())


def test_a_model_that_sees_all_keeps_its_maps() -> None:
    raw = np.random.default_rng(0).normal(size=(2, 6, 6))
    assert Framing("all", given_models.make().view).place(raw, (48, 40)) is raw


def test_pictures_of_all_sizes_get_the_same_grid() -> None:
    """14 of 15 of each side, so that seven cells are seven and a half on the whole picture, give or take a pixel's rounding."""

    def most(picture: Image.Image) -> Image.Image:
        return cut(picture, (0.0, 0.0, picture.width * 14 / 15, picture.height * 14 / 15))

    framing = Framing("most", most)
    assert len({framing.place(np.ones((1, 7, 7)), (side, side)).shape for side in range(200, 240)}) == 1


def test_a_model_that_flips_its_pictures_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match=r"is no upright part of it.*give gazeshift.model.*view=") as error:
        Framing("mirrored", given_models.mirrored().view).place(np.ones((1, 6, 6)), (48, 48))
    assert "\n" not in str(error.value)
