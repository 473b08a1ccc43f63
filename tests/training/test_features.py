from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gazeshift.errors import DataError, TrainingError
from gazeshift.models import ImageSpec, build_trunk, set_affine
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import CachedImages, Split, after_affine, image_features, predict, text_features

PREPROCESSING = Preprocessing(size=32)


class _Calls:
    """Counts the passes of a module."""

    def __init__(self, module: nn.Module) -> None:
        self.count = 0
        module.register_forward_pre_hook(self)

    def __call__(self, *_: object) -> None:
        self.count += 1


@pytest.mark.parametrize("trunk", ["small_cnn", "test_vit"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_features_give_the_logits_of_the_pixels(
    build, validation: Split, tmp_path: Path, trunk: str, on_disk: bool
) -> None:
    model = build(trunk=trunk)
    model.train()
    images = image_features(
        model.trunk,
        validation.images,
        PREPROCESSING,
        pools_first=model.pools_first,
        folder=tmp_path if on_disk else None,
        batch_size=4,
        progress=False,
    )
    texts = text_features(model, validation.texts, batch_size=2, progress=False)
    assert model.training
    assert isinstance(images.grid, np.memmap) is on_disk
    assert (images.grid.shape[2:] == (1, 1)) is model.pools_first
    expected = predict(model, validation)
    assert torch.allclose(predict(model, validation, images=images, texts=texts, batch_size=3), expected, atol=1e-5)


def test_whole_grids_keep_what_the_trunk_gives(build, validation: Split) -> None:
    trunk = build(trunk="test_vit").trunk.eval()
    cached = image_features(trunk, validation.images, PREPROCESSING, pools_first=False, batch_size=4, progress=False)
    with torch.no_grad():
        whole = trunk.encode(PREPROCESSING.normalise(torch.from_numpy(validation.images)))
    assert cached.prefix is not None
    assert np.allclose(cached.grid, whole.grid.numpy(), atol=1e-5)
    assert np.allclose(cached.prefix, whole.prefix.numpy(), atol=1e-5)


def test_files_are_found_again_and_only_for_the_same_images(build, validation: Split, tmp_path: Path) -> None:
    trunk = build().trunk
    calls = _Calls(trunk.net.features)

    def features(images: np.ndarray) -> CachedImages:
        return image_features(trunk, images, PREPROCESSING, pools_first=True, folder=tmp_path, progress=False)

    first = features(validation.images)
    assert calls.count == 1
    assert np.array_equal(features(validation.images).grid, first.grid)
    assert calls.count == 1
    other = validation.images.copy()
    other[3, 0, 0, 0] ^= 1
    assert not np.array_equal(features(other).grid, first.grid)
    assert calls.count == 2
    assert all(path.name.endswith(".grid.npy") for path in tmp_path.iterdir())


def test_an_interrupted_pass_leaves_no_file_that_is_taken_for_whole(build, validation: Split, tmp_path: Path) -> None:
    trunk = build().trunk
    calls: list[int] = []

    def stop(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    trunk.net.features.register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        image_features(
            trunk, validation.images, PREPROCESSING, pools_first=True, folder=tmp_path, batch_size=4, progress=False
        )
    assert not list(tmp_path.glob("*.npy"))
    again = image_features(trunk, validation.images, PREPROCESSING, pools_first=True, folder=tmp_path, progress=False)
    assert len(again) == len(validation)
    assert np.isfinite(again.grid).all()


def test_features_of_another_trunk_are_refused(build, validation: Split) -> None:
    model = build()
    stale = image_features(model.trunk, validation.images, PREPROCESSING, pools_first=True, progress=False)
    texts = text_features(model, validation.texts, progress=False)
    with torch.no_grad():
        next(model.trunk.parameters()).add_(1)
        next(model.encoder.parameters()).add_(1)
    with pytest.raises(TrainingError, match="a trunk other"):
        predict(model, validation, images=stale)
    with pytest.raises(TrainingError, match="a text encoder other"):
        predict(model, validation, texts=texts)


def test_features_of_other_pairs_are_refused(build, validation: Split) -> None:
    model = build()
    few = image_features(model.trunk, validation.images[:3], PREPROCESSING, pools_first=True, progress=False)
    with pytest.raises(TrainingError, match="3 images, but 11 pairs"):
        predict(model, validation, images=few)


@pytest.mark.parametrize("features", ["centred", "standardised"])
def test_after_affine_spares_the_second_pass(validation: Split, features: str) -> None:
    torch.manual_seed(0)
    trunk = build_trunk(ImageSpec(name="small_cnn"), 32)
    plain = image_features(trunk, validation.images, PREPROCESSING, pools_first=True, progress=False)
    set_affine(trunk, plain.pooled(), features, 32)
    short = after_affine(plain, trunk)
    long = image_features(trunk, validation.images, PREPROCESSING, pools_first=True, progress=False)
    assert short.trunk == long.trunk != plain.trunk
    assert np.allclose(short.grid, long.grid, atol=1e-4)
    assert np.allclose(short.grid.mean(0), 0, atol=1e-4)
    assert after_affine(short, trunk) is short
    with torch.no_grad():
        next(trunk.net.parameters()).add_(1)
    with pytest.raises(TrainingError, match="not the plain features"):
        after_affine(plain, trunk)


def test_after_affine_of_a_trunk_without_one_knows_its_own_features_alone(validation: Split) -> None:
    spec = ImageSpec(name="vit_tiny_patch16_224", options={"depth": 2, "embed_dim": 32, "num_heads": 2})
    trunk = build_trunk(spec, 32)
    plain = image_features(trunk, validation.images, PREPROCESSING, pools_first=False, progress=False)
    assert after_affine(plain, trunk) is plain
    with torch.no_grad():
        next(trunk.net.parameters()).add_(1)
    with pytest.raises(TrainingError, match="not the plain features"):
        after_affine(plain, trunk)


def test_equal_texts_are_encoded_once(build) -> None:
    model = build()
    seen: list[int] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    vectors = text_features(model, ["blue", "red left", "blue", "blue"], progress=False).features.pooled
    assert seen == [2]
    assert torch.equal(vectors[0], vectors[2])
    assert not torch.equal(vectors[0], vectors[1])


def test_no_texts(build) -> None:
    assert text_features(build(), [], progress=False).features.pooled.shape == (0, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ["one"]}, "one text, label and image per key"),
        ({"images": np.zeros((11, 3, 32, 32), np.float32)}, "uint8 crops"),
    ],
)
def test_a_split_that_does_not_fit_itself(validation: Split, change: dict, message: str) -> None:
    values = {name: getattr(validation, name) for name in ("keys", "texts", "labels", "images")}
    with pytest.raises(DataError, match=message):
        Split(**{**values, **change})
