"""What part of a picture a preprocessing shows is found by trying it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm.data
import torch
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from torch import Tensor
from torchvision import transforms as tv

from gazeshift.models.adapters.view import box_of, view_of
from gazeshift.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

Size = tuple[int, int]
SIDE = st.integers(40, 900)
SIZES = st.tuples(SIDE, SIDE)
NORMALISED = [tv.ToTensor(), tv.Normalize(IMAGENET_MEAN, IMAGENET_STD)]


def torchvision_centre(picture: Image.Image) -> Tensor:
    return tv.Compose([tv.Resize(64), tv.CenterCrop(56), *NORMALISED])(picture)


def torchvision_box(size: Size) -> tuple[float, ...]:
    """The short side is 64 pixels, of which the middle 56 are seen; the long side is rounded to a whole number of pixels."""
    scale = 64 / min(size)
    scaled = [64 if side == min(size) else int(64 * side / min(size)) for side in size]
    starts = [round((side - 56) / 2.0) for side in scaled]
    horizontal, vertical = (
        (start * whole / of, (start + 56) * whole / of) for start, whole, of in zip(starts, size, scaled, strict=True)
    )
    assert scale > 0
    return horizontal[0], vertical[0], horizontal[1], vertical[1]


TIMM = timm.data.create_transform((3, 56, 56), crop_pct=0.875, interpolation="bicubic")
CLIP = hf.CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
OURS = Preprocessing(size=64, crop_fraction=0.8)


def clip(picture: Image.Image) -> Tensor:
    read: Tensor = CLIP(images=[picture], return_tensors="pt")["pixel_values"][0]
    return read


def ours(picture: Image.Image) -> Tensor:
    return OURS.normalise(torch.from_numpy(OURS.crop(picture))[None])[0]


def stretched(picture: Image.Image) -> Tensor:
    return tv.Compose([tv.Resize((48, 80)), *NORMALISED])(picture)


def blue_first(picture: Image.Image) -> Tensor:
    """As Gallo's nets: colours turned round, 0 to 255, grid of another shape."""
    return torch.from_numpy(np.asarray(picture.resize((50, 70)))[:, :, ::-1].copy()).permute(2, 0, 1).float() - 100


def middle(size: Size, share: float) -> tuple[float, ...]:
    side = share * min(size)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side


KNOWN: dict[str, tuple[Callable[[Image.Image], Any], Callable[[Size], tuple[float, ...]]]] = {
    "torchvision": (torchvision_centre, torchvision_box),
    "timm": (TIMM, lambda size: middle(size, 0.875)),
    "CLIP": (clip, lambda size: middle(size, 1)),
    "gazeshift": (ours, lambda size: OURS.box(*size)),
    "stretched": (stretched, lambda size: (0, 0, *size)),
    "blue first": (blue_first, lambda size: (0, 0, *size)),
    "in a mapping": (lambda picture: {"pixels": ours(picture), "side": 64}, lambda size: OURS.box(*size)),
}


@pytest.mark.parametrize("name", KNOWN)
@settings(max_examples=12)
@given(size=SIZES)
def test_a_known_crop_is_found(name: str, size: Size) -> None:
    """Within one pixel of the output, as frameworks round a scaled size to whole pixels, and one of the picture."""
    preprocess, expected = KNOWN[name]
    found = box_of(preprocess, size)
    assert found is not None
    assert np.abs(np.subtract(found, expected(size))).max() < 1 + min(size) / 64


@settings(max_examples=12)
@given(size=SIZES)
def test_padding_is_beyond_the_edges(size: Size) -> None:
    def letterboxed(picture: Image.Image) -> Tensor:
        return tv.ToTensor()(ImageOps.pad(picture, (64, 64), color=(124, 116, 104)))

    found = box_of(letterboxed, size)
    longest = max(size)
    left, top = (size[0] - longest) / 2, (size[1] - longest) / 2
    assert found is not None
    assert np.abs(np.subtract(found, (left, top, left + longest, top + longest))).max() < 2 + longest / 32


def photo(width: int = 90, height: int = 60) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_the_view_is_cut_from_the_picture_itself() -> None:
    seen = view_of(clip, photo())
    np.testing.assert_array_equal(np.asarray(seen), np.asarray(photo())[:, 15:75])


def flipped(picture: Image.Image) -> Tensor:
    return ours(ImageOps.mirror(picture))


def curved(picture: Image.Image) -> Tensor:
    return ours(picture).sigmoid() ** 3


def turned(picture: Image.Image) -> Tensor:
    return ours(picture.rotate(30))


def augmented(picture: Image.Image) -> Tensor:
    return tv.Compose([tv.RandomResizedCrop(48), tv.ToTensor()])(picture)


def one_colour(picture: Image.Image) -> Tensor:
    return torch.zeros(3, 8, 8)


@pytest.mark.parametrize("preprocess", [flipped, curved, turned, augmented, one_colour])
def test_where_pixels_have_no_place_the_tensor_itself_is_shown(preprocess: Callable[[Image.Image], Tensor]) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    shown = preprocess(photo())
    torch.set_rng_state(state)
    seen = np.asarray(view_of(preprocess, photo()), np.float64).transpose(2, 0, 1)
    assert torch.equal(torch.get_rng_state(), state)
    low, high = float(shown.min()), float(shown.max())
    np.testing.assert_allclose(seen / 255 * (high - low) + low, shown.numpy(), atol=(high - low) / 500)


@pytest.mark.parametrize(
    "preprocess", [lambda picture: torch.zeros(64, 147), lambda picture: (torch.zeros(3, 8, 8), torch.zeros(3, 8, 8))]
)
def test_what_is_no_single_picture_is_the_whole_picture(preprocess: Callable[[Image.Image], Any]) -> None:
    assert view_of(preprocess, photo()) == photo()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 300), (4000, 30)])
def test_pictures_of_any_shape(size: Size) -> None:
    assert view_of(stretched, Image.new("RGB", size)).size == size
