import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from gazeshift.errors import ConfigError
from gazeshift.preprocessing import Preprocessing


def test_the_crop_is_the_documented_box_of_the_original() -> None:
    # Whole numbers: the box (2, 4, 10, 12) of a 12 x 16 image at its own resolution is a plain slice.
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    preprocessing = Preprocessing(size=8, crop_fraction=8 / 12)
    assert preprocessing.box(12, 16) == pytest.approx((2, 4, 10, 12))
    assert np.array_equal(preprocessing.crop(Image.fromarray(pixels)), pixels[4:12, 2:10].transpose(2, 0, 1))


def test_the_crop_is_close_to_resize_and_centre_crop() -> None:
    ramp = np.add.outer(np.arange(300), np.arange(400)) / 700 * 255
    image = Image.fromarray(np.repeat(ramp.astype(np.uint8)[..., None], 3, axis=2))
    usual = tv.center_crop(tv.resize(tv.pil_to_tensor(image), [256], antialias=True), [224, 224])
    ours = Preprocessing(size=224).crop(image)
    assert np.abs(ours.astype(int) - usual.numpy()).max() <= 2


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0.05, 1))
def test_the_box_is_square_central_and_inside(width: int, height: int, fraction: float) -> None:
    left, top, right, bottom = Preprocessing(size=4, crop_fraction=fraction).box(width, height)
    assert right - left == pytest.approx(bottom - top) == pytest.approx(fraction * min(width, height))
    assert left + right == pytest.approx(width)
    assert top + bottom == pytest.approx(height)
    assert min(left, top) >= -1e-9


def test_normalise_is_torchvisions() -> None:
    images = torch.randint(0, 256, (2, 3, 5, 5), dtype=torch.uint8)
    preprocessing = Preprocessing(size=5)
    expected = tv.normalize(images / 255, list(preprocessing.mean), list(preprocessing.std))
    torch.testing.assert_close(preprocessing.normalise(images), expected)


def test_dicts_go_through_json_lists_and_name_the_wrong_key() -> None:
    preprocessing = Preprocessing(size=32, crop_fraction=1.0, mean=(0, 0.5, 1), interpolation="bilinear")
    assert preprocessing.to_dict()["mean"] == [0, 0.5, 1]
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing
    for wrong, name in [({"size": 3, "crop": 1}, "crop"), ({}, "size"), ({"size": "x"}, "preprocessing")]:
        with pytest.raises(ConfigError, match=name):
            Preprocessing.from_dict(wrong)


@pytest.mark.parametrize(
    "values",
    [
        {"size": 0},
        {"size": 8, "crop_fraction": 0},
        {"size": 8, "crop_fraction": 1.1},
        {"size": 8, "std": (1, 1, 0)},
        {"size": 8, "interpolation": "cubic"},
        {"size": 8, "mean": (0, 0)},
    ],
)
def test_values_out_of_range_are_refused(values: dict) -> None:
    with pytest.raises(ConfigError, match="preprocessing"):
        Preprocessing(**values)
