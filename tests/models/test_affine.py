"""A constant affine before the tap: the same function once the head absorbs it, but another map."""

import copy
from collections.abc import Callable

import pytest
import torch

from gazeshift.errors import ModelError
from gazeshift.models import BoundClassifier, Classifier, ImageSpec, build_trunk, set_affine
from gazeshift.saliency import Rows, compute_maps

Build = Callable[..., Classifier]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0)).double()


def with_features(model: Classifier, images: torch.Tensor, features: str) -> Classifier:
    """The same function with another affine: the head's weights take it back."""
    changed = copy.deepcopy(model)
    with torch.no_grad():
        set_affine(changed.trunk.float(), model.encode_image(images).grid.mean((2, 3)).float(), features, 64)
        changed.double()
        linear = changed.head.layers[1]
        linear.bias += linear.weight @ changed.trunk.mean
        linear.weight *= changed.trunk.deviation
    return changed


@pytest.mark.parametrize("features", ["plain", "centred", "standardised"])
def test_same_logits_and_a_map_of_the_centred_grid(build: Build, images: torch.Tensor, features: str) -> None:
    plain = build("image-only").double()
    model = with_features(plain, images, features)
    none = torch.zeros(6, 0, dtype=torch.long)
    with torch.no_grad():
        grid = plain.encode_image(images).grid
        image, text = model.encode_image(images), model.encode_text(none, none.bool())
        expected = plain(images, none, none.bool())
        torch.testing.assert_close(model(images, none, none.bool()), expected, rtol=0, atol=1e-9)
    target = torch.tensor([0, 1, 2, 3, 4, 0])
    maps = compute_maps(BoundClassifier(model, image, text), Rows(torch.arange(6), torch.arange(6), target)).maps
    weight = plain.head.layers[1].weight.detach()[target]
    offset = 0 if features == "plain" else model.trunk.mean[:, None, None]
    by_hand = torch.einsum("rc,rchw->rhw", weight, grid - offset) / grid[0, 0].numel()
    torch.testing.assert_close(maps, by_hand, rtol=0, atol=1e-7 * float(by_hand.abs().max()))


def test_standardised_features_have_mean_0_and_deviation_1(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    trunk = build_trunk(ImageSpec(name="small_cnn"), 64).eval()
    with torch.no_grad():
        set_affine(trunk, trunk.encode(images.float()).grid.mean((2, 3)), "standardised", 64)
        pooled = trunk.encode(images.float()).grid.mean((2, 3))[:, trunk.deviation != 1]
    assert pooled.shape[1] > 100, "channels that are alive"
    torch.testing.assert_close(pooled.mean(0), torch.zeros(pooled.shape[1]), rtol=0, atol=1e-4)
    torch.testing.assert_close(pooled.std(0, correction=0), torch.ones(pooled.shape[1]), rtol=0, atol=1e-3)


def test_a_dead_channel_is_not_blown_up() -> None:
    trunk = build_trunk(ImageSpec(name="small_cnn"), 64)
    pooled = torch.rand(10, 256, generator=torch.Generator().manual_seed(0))
    pooled[:, 7] = 0
    set_affine(trunk, pooled, "standardised", 64)
    assert trunk.deviation[7] == 1
    single = build_trunk(ImageSpec(name="small_cnn"), 64)
    set_affine(single, pooled[:1], "standardised", 64)
    assert torch.equal(single.deviation, torch.ones(256)), "one image has no deviation"


@pytest.mark.parametrize(("name", "width"), [("convnext_atto", 320), ("vit_tiny_patch16_224", 192)])
def test_refused_where_the_tail_does_more_than_average(name: str, width: int) -> None:
    trunk = build_trunk(ImageSpec(name=name), 64)
    pooled = torch.rand(4, width)
    with pytest.raises(ModelError, match="use 'plain'"):
        set_affine(trunk, pooled, "centred", 64)
    set_affine(trunk, pooled, "plain", 64)
