"""Cells of pictures of any size: stitched by a slow loop, and as large as the part of the picture that they are drawn on says."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

import gazeshift as gs
from gazeshift.models.hub import vision_language_grids as grids
from gazeshift.models.hub import vision_language_views as views
from gazeshift.models.hub.answers import answers
from tests.hub.answering import MODELS, PROMPT, loaded, picture

few, sides = some.integers(1, 4), some.integers(20, 700)
PINPOINTS = [[28, 56], [56, 28], [56, 56], [28, 84], [84, 28]]
CONFIG = SimpleNamespace(
    vision_config=SimpleNamespace(image_size=28, patch_size=7), image_grid_pinpoints=PINPOINTS
)  # what LLaVA-NeXT's configuration says of geometry


@given(few, few, few, few, some.integers(0, 9))
def test_tiles_are_stitched_as_a_loop_does(rows: int, columns: int, height: int, width: int, before: int) -> None:
    found = grids.stitched(rows, columns, height, width, before)
    assert found.shape == (rows * height, columns * width)
    number = before
    for row in range(rows):
        for column in range(columns):
            for y in range(height):
                for x in range(width):
                    assert int(found[row * height + y, column * width + x]) == number
                    number += 1


def seen(width: int, height: int, config: Any) -> grids.Seen:
    return grids.Seen({}, 0, "", (height, width), None, config)


@settings(deadline=None)
@given(sides, sides)
def test_cells_of_any_resolution_are_square_on_the_picture(width: int, height: int) -> None:
    """A cell of LLaVA-NeXT is as wide as it is high, and what it covers is the picture, give or take a cell."""
    cells = grids.any_resolution(seen(width, height, CONFIG)).token
    view = views.unpadded(Image.new("RGB", (width, height)), None, CONFIG)
    rows, columns = cells.shape
    if cells[0, 0] < 16:  # narrower than a cell: the thumbnail's, stretched
        assert (rows, columns) == (4, 4)
        assert view.size == (width, height)
        return
    across, down = view.width / columns, view.height / rows
    assert across * columns == pytest.approx(down * columns, abs=2 + columns / rows)
    assert abs(view.width - width) <= 2 * across + 1
    assert abs(view.height - height) <= 2 * down + 1


@settings(deadline=None)
@given(sides, sides)
def test_the_view_of_clips_processor_is_the_middle_square(width: int, height: int) -> None:
    model, processor = loaded("llava")
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    view = views.cropped(picture, processor, model.config)
    assert abs(view.width - min(width, height)) <= 1
    assert abs(view.height - min(width, height)) <= 1
    left, upper = (width - view.width) // 2, (height - view.height) // 2
    assert any(
        view.tobytes() == picture.crop((x, y, x + view.width, y + view.height)).tobytes()
        for x in (left, left + 1)
        for y in (upper, upper + 1)
    )


@pytest.mark.parametrize("size", [(20, 260), (300, 30)])
@pytest.mark.parametrize("name", MODELS)
def test_long_pictures_are_explained_as_a_whole(name: str, size: tuple[int, int]) -> None:
    asked = answers(*loaded(name), PROMPT, ["yes"])
    maps = gs.explain(asked, picture(*size), ["a red dog"], target="yes", method="hires-cam")
    assert np.abs(maps.raw).max() > 0
