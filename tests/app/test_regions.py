"""Outlines of regions: the runs give the mask back, and what lies outside of the model's view is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from gazeshift.app.regions import EDGE, Outline, in_view, outlines


def mask_of(outline: Outline) -> np.ndarray:
    """Run by run."""
    flat = [place % 2 == 1 for place, length in enumerate(outline.runs) for _ in range(length)]
    return np.array(flat).reshape(outline.rows, outline.columns)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_runs_give_the_mask_back(mask: np.ndarray) -> None:
    found = outlines({"thing": mask}, lambda picture: picture)
    if not mask.any():
        assert (found.seen, found.unseen) == ((), ("thing",))
        return
    (outline,) = found.seen
    np.testing.assert_array_equal(mask_of(outline), mask)


@given(st.integers(EDGE + 1, 3 * EDGE), st.integers(1, 40))
def test_large_masks_are_drawn_small(width: int, height: int) -> None:
    (outline,) = outlines({"all": np.ones((height, width), bool)}, lambda picture: picture).seen
    assert (outline.columns, sum(outline.runs)) == (EDGE, outline.rows * EDGE)


def test_what_the_model_does_not_see_is_named() -> None:
    left, middle = np.zeros((2, 20, 40), bool)
    left[:, :5] = middle[:, 15:25] = True

    def view(picture: Image.Image) -> Image.Image:
        return picture.crop((10, 0, 30, 20))

    found = outlines({"left": left, "middle": middle}, view)
    assert found.unseen == ("left",)
    assert [each.name for each in found.seen] == ["middle"]
    assert mask_of(found.seen[0]).mean() == pytest.approx(0.5)
    assert [*in_view({"left": left, "middle": middle}, view)[0]] == ["middle"]
