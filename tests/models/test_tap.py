"""A tap at an earlier layer: the same function, another place to look from."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models import BoundClassifier, Classifier, ImageSpec, build_trunk, load, save
from gazeshift.models.cut import cut
from gazeshift.saliency import Rows, compute_maps

# name, options, layer, side of the input, grid there
TAPS = [
    ("inception_v3", {}, "Mixed_6e", 139, (768, 7, 7)),
    ("inception_v3_keras", {}, "Mixed_6e", 139, (768, 7, 7)),
    ("resnet18", {}, "layer3", 64, (256, 4, 4)),
    ("resnet18", {}, "layer2.0", 64, (128, 8, 8)),
    ("mobilenetv1_100", {}, "blocks.3", 64, (512, 4, 4)),
    ("swin_tiny_patch4_window7_224", {"depths": [1, 1, 1, 1]}, "layers.2", 128, (384, 8, 8)),
    ("small_cnn", {}, "features.2", 64, (64, 8, 8)),
    ("vit_tiny_patch16_224", {"depth": 3}, "blocks.0", 64, (192, 4, 4)),
    ("vit_tiny_patch16_224", {"depth": 3}, "patch_embed", 64, (192, 4, 4)),
]
Build = Callable[..., Classifier]


@pytest.mark.parametrize(("name", "options", "tap", "size", "shape"), TAPS, ids=[f"{tap[0]} {tap[2]}" for tap in TAPS])
def test_an_earlier_tap_is_the_same_function(
    name: str, options: dict[str, object], tap: str, size: int, shape: tuple[int, ...]
) -> None:
    trunks = []
    for place in ("last", tap):
        torch.manual_seed(0)
        trunks.append(build_trunk(ImageSpec(name=name, options=options, tap=place), size).eval())
    last, earlier = trunks
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        features = earlier.encode(images)
        pooled, expected = earlier.pool(features), last.pool(last.encode(images))
    assert features.grid.shape == (2, *shape)
    peak = float(expected.abs().max())
    assert expected.std() > 0.1 * peak, "these weights make the comparison empty"
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-5 * peak)


def test_maps_at_an_earlier_tap_equal_hooks_on_the_whole_net(build: Build) -> None:
    torch.manual_seed(0)
    trunk = build_trunk(ImageSpec(name="resnet18", tap="layer3"), 64).eval()
    model = build("early-fusion", size=64, trunk=trunk).eval()
    assert not model.pools_first
    images, tokens = torch.randn(1, 3, 64, 64), model.tokenize(["red soup", "pie"])
    with torch.no_grad():
        features, text = model.encode_image(images), model.encode_text(tokens.ids, tokens.mask)
    rows = Rows(torch.zeros(2, dtype=torch.long), torch.arange(2), torch.tensor([1, 0]))
    found = compute_maps(BoundClassifier(model, features, text), rows, "hires-cam").maps
    seen: list[Tensor] = []
    net = model.trunk.net
    hook = net.layer3.register_forward_hook(lambda _, __, out: seen.append(out))
    for row, target in enumerate([1, 0]):
        vector = net.forward_head(net.forward_features(images), pre_logits=True)
        logit = model.head.fuse(model.head.see(vector), text.rows(torch.tensor([row])))[0, target]
        (slope,) = torch.autograd.grad(logit, seen[-1])
        expected = (slope * seen[-1]).sum(1)[0].detach()
        assert expected.abs().max() > 0
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    hook.remove()


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (ImageSpec(name="small_cnn", tap="features.3"), (128, 4, 4)),
        (ImageSpec(name="vit_small_patch16_dinov3", options={"embed_dim": 32, "depth": 2, "num_heads": 2}), (32, 4, 4)),
    ],
)
def test_copies_and_saved_models_keep_the_tap(
    build: Build, tmp_path: Path, spec: ImageSpec, shape: tuple[int, ...]
) -> None:
    model = build("early-fusion", image=spec, size=64).eval()
    images, tokens = torch.randn(2, 3, 64, 64), model.tokenize(["red soup", "pie"])
    with torch.no_grad():
        expected = model(images, tokens.ids, tokens.mask)
        twin = copy.deepcopy(model)
        for parameter in twin.trunk.parameters():
            parameter.mul_(0.5)
        # A copy whose two parts still shared the original's weights would give the old logits, or change the original's.
        assert not torch.allclose(twin(images, tokens.ids, tokens.mask), expected)
        torch.testing.assert_close(model(images, tokens.ids, tokens.mask), expected)
        save(model, tmp_path / "model")
        loaded = load(tmp_path / "model")
        torch.testing.assert_close(loaded(images, tokens.ids, tokens.mask), expected)
    assert loaded.encode_image(images).grid.shape[1:] == shape
    names = set(model.state_dict())
    assert names == set(build("early-fusion", image=spec.model_copy(update={"tap": "last"}), size=64).state_dict())


@pytest.mark.parametrize(
    ("name", "tap", "way_out"),
    [
        ("resnet18", "layer9", "on the way to its output are act1, layer1"),
        ("resnet18", "layer2.0.conv1", "another path goes around"),
        ("resnet18", "fc", "on the way"),
        ("vit_tiny_patch16_224", "blocks.11", r"blocks\.0 to blocks\.10"),
        ("vgg11", "pre_logits.fc1", "on the way"),
    ],
)
def test_a_tap_that_cannot_be_is_named_with_a_way_out(name: str, tap: str, way_out: str) -> None:
    with pytest.raises(ModelError, match=way_out) as error:
        build_trunk(ImageSpec(name=name, tap=tap), 64)
    assert "\n" not in str(error.value)


def test_both_parts_share_the_weights_of_the_net() -> None:
    net = build_trunk(ImageSpec(name="small_cnn"), 64).net
    parts = cut(net, "features.1")
    own = {id(parameter) for parameter in net.parameters()}
    halves = [{id(parameter) for parameter in half.parameters()} for half in (parts.before, parts.after)]
    assert halves[0] | halves[1] == own
    assert not halves[0] & halves[1]
    assert {id(p) for layer in parts.layers_before for p in layer.parameters()} == halves[0]
