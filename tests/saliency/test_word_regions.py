"""Words x regions against a plain loop over the user's own module; regions however they are named."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from tests.saliency.own_model import make, net, picture, picture_to_tensor, texts_to_tensors
from torch import Tensor

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.saliency.regions import Regions, seen_regions

PICTURE = picture()
WIDTH, HEIGHT = PICTURE.size
TEXT = "a red dog"
SHORT = ("red dog", "a dog", "a red")
LEFT = (0, 0, WIDTH / 2, HEIGHT)
MASK = np.zeros((HEIGHT, WIDTH), dtype=bool)
MASK[10:30, 20:50] = True


def logits(pixels: Tensor, text: str) -> Tensor:
    with torch.no_grad():
        return net()(pixels[None], texts_to_tensors([text]))[0].double()


def by_loop(hidden: Tensor, weights: Tensor) -> list[float]:
    """``y(w,r) - y(-w,r) - y(w,-r) + y(-w,-r)`` of each word, from four passes of the module."""
    whole = picture_to_tensor(PICTURE)
    gone = torch.where(hidden, torch.zeros_like(whole), whole)

    def y(pixels: Tensor, text: str) -> float:
        return float(logits(pixels, text) @ weights)

    return [y(whole, TEXT) - y(whole, short) - y(gone, TEXT) + y(gone, short) for short in SHORT]


def in_net(mask: np.ndarray) -> Tensor:
    """Where a mask of the picture lies among the pixels that the module takes: it squeezes the whole picture."""
    shades = Image.fromarray(mask.astype(np.uint8) * 255).resize((24, 24), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(shades) >= 127.5)


@pytest.mark.parametrize(
    ("target", "weights"),
    [("y", (0, 1, 0)), ("x rather than z", (1, 0, -1)), (gs.Combination({"x": 2.0, "y": 0.5}), (2, 0.5, 0))],
)
def test_the_interaction_is_that_of_four_passes(target: str | gs.Combination, weights: tuple[float, ...]) -> None:
    found = gs.word_regions(make(), PICTURE, TEXT, {"left": LEFT, "middle": MASK}, target)
    left = np.zeros_like(MASK)
    left[:, : WIDTH // 2] = True
    chosen = torch.tensor(weights, dtype=torch.float64)
    expected = np.array([by_loop(in_net(mask), chosen) for mask in (left, MASK)]).T
    assert np.abs(expected).min() > 1e-4
    np.testing.assert_allclose(found.interaction, expected, atol=1e-5)
    whole = logits(picture_to_tensor(PICTURE), TEXT) @ chosen
    assert found.logit == pytest.approx(float(whole), abs=1e-5)
    alone = [float(whole - logits(picture_to_tensor(PICTURE), short) @ chosen) for short in SHORT]
    np.testing.assert_allclose(found.word, alone, atol=1e-5)
    np.testing.assert_allclose(found.evidence_without, found.evidence - expected, atol=1e-5)


def test_the_change_of_the_map_is_summed_over_the_region() -> None:
    found = gs.word_regions(make(), PICTURE, TEXT, (2, 3), "y", spans=["red dog"])
    maps = gs.word_effects(make(), PICTURE, TEXT, "y", spans=["red dog"]).maps
    assert found.words == ("red dog",)
    blocks = maps.reshape(1, 2, 3, 3, 2).sum((2, 4))  # the grid has 6 x 6 cells
    np.testing.assert_allclose(found.map_change, blocks.reshape(1, 6), atol=1e-5 * np.abs(blocks).max())
    assert found.map_change.sum() == pytest.approx(maps.sum(), rel=1e-4)


@pytest.mark.parametrize("kind", ["early-fusion", "late-fusion"])
def test_only_a_head_that_mixes_has_interactions(build: Callable[..., gs.Classifier], kind: str) -> None:
    found = gs.word_regions(build(kind), PICTURE, "apple pie with cream", (2, 2))
    assert np.abs(found.evidence).max() > 0
    assert (np.abs(found.interaction).max() > 0) == (kind == "early-fusion")


def test_labels_are_masks_and_zero_is_none() -> None:
    labels = np.where(MASK, 7, 0)
    labels[:5] = 2
    found = gs.word_regions(make(), PICTURE, TEXT, labels, "y")
    same = gs.word_regions(make(), PICTURE, TEXT, {"2": labels == 2, "7": MASK}, "y")
    assert found.regions == ("2", "7")
    np.testing.assert_array_equal(found.masks, same.masks)
    np.testing.assert_allclose(found.interaction, same.interaction, atol=1e-6)


@pytest.mark.parametrize("hide", ["mean", "neighbours"])
def test_how_a_region_is_hidden_counts(hide: str) -> None:
    zero, other = (gs.word_regions(make(), PICTURE, TEXT, {"left": LEFT}, "y", hide=way) for way in ("zero", hide))
    assert other.hide == hide
    assert other.logit == pytest.approx(zero.logit, abs=1e-6)
    assert abs(other.evidence - zero.evidence).max() > 1e-4


def test_regions_are_cut_like_the_picture() -> None:
    def middle(whole: Image.Image) -> Image.Image:
        return whole.crop((10, 0, 50, 40))

    seen = seen_regions({"mask": MASK, "beyond": (-20, -20, 30, 200)}, PICTURE, middle)
    np.testing.assert_array_equal(seen.masks[0], MASK[:, 10:50])
    assert seen.masks[1].mean() == 0.5
    with pytest.raises(UsageError, match="'edge' lies outside the part"):
        seen_regions({"edge": (0, 0, 9, 40)}, PICTURE, middle)


def test_cells_tile_the_view() -> None:
    seen = seen_regions((3, 4), PICTURE, lambda whole: whole.crop((0, 0, 41, 31)))
    assert seen.names[:2] + seen.names[-1:] == ("r1 c1", "r1 c2", "r3 c4")
    assert (seen.masks.sum(0) == 1).all()
    for mask in seen.masks:
        down, across = np.nonzero(mask)
        assert mask.sum() == (np.ptp(down) + 1) * (np.ptp(across) + 1)
    resized = seen.resized(6, 8)
    np.testing.assert_allclose(resized.sum(0), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ({}, "at least one region"),
        ((0, 3), "two whole numbers"),
        ((3, 3, 3), "two whole numbers"),
        ((50, 2), "more than the 60 x 40 pixels"),
        ((11, 10), "110 regions are more than the 100"),
        (np.arange(2400).reshape(40, 60), "2399 regions are more than the 100"),
        ({"dog": np.array(["left", "0", "10", "10"])}, "left, upper, right, lower"),
        ({"dog": (30, 0, 10, 40)}, "left < right"),
        ({"dog": (0, 0, 0.5, 0.5)}, "shares of the picture; give pixels"),
        ({"dog": (0, 0, 10)}, "left, upper, right, lower"),
        ({"dog": (100, 0, 110, 40)}, "holds no pixel of a picture of 60 x 40"),
        ({"dog": (0, 0, 1, 1)}, "smaller than a pixel of the 24 x 24"),
        ({"dog": MASK[:, 1:]}, "mask 'dog' has 59 x 40 pixels, but the picture 60 x 40"),
        ({"dog": ~(MASK | ~MASK)}, "outside the part"),
        (MASK, "name a single mask"),
        (MASK * 1.0, "whole numbers, not float64"),
        (np.ones((4, 4), dtype=int), "4 x 4 pixels, but the picture 60 x 40"),
        (np.zeros((40, 60), dtype=int), "at least one region"),
    ],
)
def test_regions_that_are_none(regions: Regions, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gs.word_regions(make(), PICTURE, TEXT, regions, "y")


def test_an_unknown_way_of_hiding_or_a_model_without_text(build: Callable[..., gs.Classifier]) -> None:
    with pytest.raises(UsageError, match="way of hiding"):
        gs.word_regions(make(), PICTURE, TEXT, hide="blur")
    with pytest.raises(UsageError, match="reads no text"):
        gs.word_regions(build("image-only"), PICTURE, TEXT)
