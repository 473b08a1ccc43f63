import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from gazeshift.errors import ConfigError
from gazeshift.evaluation.equivariance import DIRECTIONS, WINDOW, window_boxes
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


def test_a_squeezed_picture_is_the_whole_one_resized() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    preprocessing = Preprocessing(size=8, crop_fraction=1.0, fit="squeeze", interpolation="bilinear")
    whole = Image.fromarray(pixels).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(preprocessing.crop(Image.fromarray(pixels)), np.asarray(whole).transpose(2, 0, 1))
    half = Preprocessing(size=8, crop_fraction=0.5, fit="squeeze")
    assert half.box(12, 16) == (3, 4, 9, 12)


def test_blue_comes_first_where_the_weights_expect_it() -> None:
    images = torch.randint(0, 256, (2, 3, 5, 5), dtype=torch.uint8)
    usual = Preprocessing(size=5, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    turned = Preprocessing(size=5, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), channels="bgr").normalise(images)
    assert torch.equal(turned, usual.normalise(images)[:, [2, 1, 0]])
    assert turned.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("name", "other"), [("fit", "squeeze"), ("channels", "bgr")])
def test_what_was_always_so_is_not_written(name: str, other: str) -> None:
    """Else the digests of models and results of before there was a choice would change."""
    assert name not in Preprocessing(size=8).to_dict()
    chosen = Preprocessing.from_dict({"size": 8, name: other})
    assert chosen.to_dict()[name] == other
    assert Preprocessing.from_dict(chosen.to_dict()) == chosen
    with pytest.raises(ConfigError, match=f"preprocessing.{name}: unknown 'x'"):
        Preprocessing.from_dict({"size": 8, name: "x"})


@pytest.mark.parametrize("fit", ["crop", "squeeze"])
def test_shifted_windows_lie_in_the_crop(fit: str) -> None:
    preprocessing, image = Preprocessing(size=8, crop_fraction=0.9, fit=fit), Image.new("RGB", (120, 60))
    left, top, right, bottom = preprocessing.box_in(image)
    boxes = window_boxes(preprocessing, image)
    for x, y, x_end, y_end in boxes:
        assert (x_end - x, y_end - y) == pytest.approx((WINDOW * (right - left), WINDOW * (bottom - top)))
        assert min(x - left, y - top, right - x_end, bottom - y_end) >= -1e-9
    shifts = np.array(boxes)[:, :2] - np.array(boxes)[0, :2]
    assert shifts / [right - left, bottom - top] == pytest.approx(DIRECTIONS * (1 - WINDOW) / 2)
