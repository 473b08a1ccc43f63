"""The split at the tap is the same function as the unsplit timm model."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from gazeshift.errors import ModelError
from gazeshift.models import Classifier, ImageFeatures, ImageSpec, build_trunk
from gazeshift.models.token_endings import BeforeBlocks
from gazeshift.models.trunk import Trunk

SMALL: dict[str, Any] = {"embed_dim": 32, "depth": 3, "num_heads": 2}
STAGES: dict[str, Any] = {"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]}
# Every family of image models: name, options, side of the input, grid, whether what follows the tap sees the grid through its mean alone
ENCODERS: list[tuple[str, dict[str, Any], int, tuple[int, int, int], bool]] = [
    ("inception_v3", {}, 299, (2048, 8, 8), True),
    ("resnet18", {}, 64, (512, 2, 2), True),
    ("resnet50_clip", {}, 64, (2048, 2, 2), False),  # an attention pools
    ("mobilenetv1_100", {}, 64, (1024, 2, 2), True),
    ("mobilenetv3_small_050", {}, 64, (288, 2, 2), True),
    ("mobilenetv4_conv_small_035", {}, 64, (336, 2, 2), True),
    ("efficientnet_b0", {}, 64, (1280, 2, 2), True),
    ("efficientnetv2_rw_t", {}, 64, (1024, 2, 2), True),
    ("convnext_atto", {}, 64, (320, 2, 2), True),
    ("convnextv2_atto", {}, 64, (320, 2, 2), True),
    ("convnext_base.clip_laion2b", STAGES, 64, (32, 2, 2), True),
    ("convnext_tiny.dinov3_lvd1689m", STAGES, 64, (32, 2, 2), True),
    ("vit_tiny_patch16_224", {}, 64, (192, 4, 4), False),
    ("vit_small_patch16_224.dino", SMALL, 64, (32, 4, 4), False),
    ("vit_small_patch14_reg4_dinov2", {}, 56, (384, 4, 4), False),
    ("vit_small_patch16_dinov3", SMALL, 64, (32, 4, 4), False),
    ("vit_base_patch32_clip_224", SMALL, 96, (32, 3, 3), False),
    ("eva02_base_patch16_clip_224", SMALL, 64, (32, 4, 4), False),
    ("vit_base_patch16_siglip_224", SMALL, 64, (32, 4, 4), False),
    ("vit_base_patch16_siglip_gap_224", SMALL, 64, (32, 4, 4), False),
    ("swin_tiny_patch4_window7_224", {}, 64, (768, 2, 2), True),
    ("swinv2_tiny_window8_256", {"depths": [1, 1, 1, 1], "embed_dim": 24}, 128, (192, 4, 4), True),
    ("maxvit_rmlp_pico_rw_256", {"depths": [1, 1], "embed_dim": [32, 64]}, 64, (64, 8, 8), True),
]


def whole_net(name: str, size: int, **options: object) -> torch.nn.Module:
    if timm.get_pretrained_cfg_value(name, "fixed_input_size"):
        options["img_size"] = size
    return timm.create_model(name, num_classes=7, **options).eval()


@dataclass(frozen=True)
class Case:
    whole: torch.nn.Module
    trunk: Trunk
    images: torch.Tensor
    shape: tuple[int, ...]
    pools_first: bool


@pytest.fixture(scope="module", params=ENCODERS, ids=[name for name, *_ in ENCODERS])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    name, options, size, shape, pools_first = request.param
    torch.manual_seed(0)
    whole = whole_net(name, size, **options)
    # The way a user's weights come in; the unsplit net's classifier is the one thing the trunk leaves aside.
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file({key: value.clone() for key, value in whole.state_dict().items()}, path)
    trunk = build_trunk(ImageSpec(name=name, options=options), size, str(path)).eval()
    # In double precision another order of sums leaves no doubt: whatever differs is another function.
    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    return Case(whole.double(), trunk.double(), images, shape, pools_first)


@pytest.mark.slow
def test_split_equals_unsplit_timm(case: Case) -> None:
    with torch.no_grad():
        expected = case.whole(case.images)
        features = case.trunk.encode(case.images)
        logits = case.whole.get_classifier()(case.trunk.pool(features))
    peak = float(expected.abs().max())
    assert expected.std() > 0.1 * peak, "these weights make the comparison empty"
    assert features.grid.shape == (2, *case.shape)
    # Not bit for bit: another memory format and another number of rows add in another order.
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12 * peak)


def test_every_cell_at_the_tap_has_a_gradient(case: Case) -> None:
    with torch.no_grad():
        features = case.trunk.encode(case.images)
    leaf = features.grid.clone().requires_grad_()
    logits = case.whole.get_classifier()(case.trunk.pool(ImageFeatures(leaf, features.prefix)))
    (gradient,) = torch.autograd.grad(logits[:, 3].sum(), leaf)
    assert (gradient.abs().amax(1) > 0).all(), "there are cells that the logit does not depend on"


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("small_cnn", {}, 64),
        ("vit_tiny_patch16_224", {"depth": 3}, 64),
        ("vit_small_patch14_reg4_dinov2", {"depth": 3}, 56),
        ("swin_tiny_patch4_window7_224", {"depths": [1, 1, 1, 1]}, 128),
    ],
)
def test_the_grid_lies_as_the_image_lies(name: str, options: dict[str, Any], size: int) -> None:
    """A change in the upper right of the image changes the upper right of the grid most, in every layout."""
    torch.manual_seed(0)
    trunk = build_trunk(ImageSpec(name=name, options=options), size).eval()
    images = torch.randn(2, 3, size, size)
    changed = images.clone()
    changed[:, :, : size // 2, -size // 2 :] += 1
    with torch.no_grad():
        moved = (trunk.encode(changed).grid - trunk.encode(images).grid).abs().sum((0, 1))
    assert moved.shape == (4, 4)
    quarters = moved.view(2, 2, 2, 2).sum((1, 3))
    assert quarters.argmax() == 1, quarters
    assert quarters[0, 1] > 1.2 * quarters[1, 0], "transposed"


def test_grid_and_pools_first_are_known(case: Case, build: Callable[..., Classifier]) -> None:
    model = build("image-only", size=case.images.shape[-1], trunk=copy.deepcopy(case.trunk).float())
    channels, height, width = case.shape
    assert (model.widths.channels, model.widths.cells) == (channels, height * width)
    assert model.pools_first is case.pools_first
    with torch.no_grad():
        features = case.trunk.encode(case.images)
        means = features.averaged()
        # What looks at the places of cells takes no other number of them.
        alike = means if case.pools_first else ImageFeatures(means.grid.expand_as(features.grid), features.prefix)
        whole, averaged = case.trunk.pool(features), case.trunk.pool(alike)
    difference = float((whole - averaged).abs().max() / whole.abs().max())
    assert difference < 1e-12 if case.pools_first else difference > 1e-5


@pytest.mark.parametrize(
    ("name", "size", "way_out"),
    [
        ("resnet17", 64, "timm has no model of that name"),
        ("resnet18", 32, "single cell"),
        ("mixer_s32_224", 224, "no last spatial grid"),
        ("vit_tiny_patch16_224", 100, "not a multiple"),
        ("hf-hub:someone/model", 64, "timm has no model of that name"),
    ],
)
def test_an_unusable_image_model_is_named(name: str, size: int, way_out: str) -> None:
    with pytest.raises(ModelError, match=way_out) as error:
        build_trunk(ImageSpec(name=name), size)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("option", ["checkpoint_path", "pretrained_cfg", "num_classes", "features_only"])
def test_options_describe_the_architecture_alone(option: str) -> None:
    with pytest.raises(ValueError, match=option):
        ImageSpec(name="resnet18", options={option: "evil.pth"})


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ModelError, match="no file"):
        build_trunk(ImageSpec(name="resnet18"), 64, str(path))
    state = whole_net("resnet18", 64).state_dict()
    save_file({**state, "conv1.weight": torch.zeros(64, 3, 5, 5)}, path)
    with pytest.raises(ModelError, match=r"size mismatch for conv1\.weight"):
        build_trunk(ImageSpec(name="resnet18"), 64, str(path))
    save_file({key: value for key, value in state.items() if key != "conv1.weight"}, path)
    with pytest.raises(ModelError, match=r"1 tensors missing \(conv1\.weight\)"):
        build_trunk(ImageSpec(name="resnet18"), 64, str(path))
    path.write_bytes(b"\x80\x04not safetensors")
    with pytest.raises(ModelError, match="not a safetensors file"):
        build_trunk(ImageSpec(name="resnet18"), 64, str(path))


# Every way in which timm's vision transformers read their tokens: name, side of the input, whether the tap lies behind a norm.
TRANSFORMERS = [
    ("vit_tiny_patch16_224", 64, True),
    ("deit_tiny_distilled_patch16_224", 64, True),
    ("deit3_small_patch16_224", 64, True),
    ("vit_small_patch14_reg4_dinov2", 56, True),
    ("vit_base_patch32_clip_224", 96, True),
    ("vit_base_patch16_radio_v3", 64, True),
    ("vit_base_patch16_siglip_224", 64, True),
    ("vit_base_patch16_siglip_gap_224", 64, False),
    ("vit_base_patch16_reg4_gap_256", 64, False),
    ("aimv2_large_patch14_224", 56, False),
    ("vit_base_patch16_rpn_224", 64, False),
    ("vit_small_patch16_18x2_224", 64, False),
    ("vit_base_patch16_xp_224", 64, False),
    ("vit_small_patch16_dinov3", 64, False),
    ("eva02_base_patch16_clip_224", 64, False),
    ("vit_small_patch16_rope_mixed_224", 64, False),
    ("vit_pe_core_base_patch16_224", 64, True),
    ("eva_giant_patch14_224", 56, False),
]


def transformers_of(name: str, size: int, tap: str = "last") -> tuple[torch.nn.Module, Trunk]:
    """timm's own net and our trunk, with the same random weights, in double precision."""
    options = dict(SMALL)
    if timm.get_pretrained_cfg_value(name, "fixed_input_size"):
        options["img_size"] = size
    torch.manual_seed(0)
    whole = timm.create_model(name, num_classes=0, **options).double().eval()
    torch.manual_seed(0)
    return whole, build_trunk(ImageSpec(name=name, options=SMALL, tap=tap), size).double().eval()


@pytest.mark.parametrize(("name", "size", "behind"), TRANSFORMERS, ids=[name for name, *_ in TRANSFORMERS])
def test_every_family_of_transformers_is_the_unsplit_one(name: str, size: int, behind: bool) -> None:
    whole, trunk = transformers_of(name, size)
    assert isinstance(trunk.ending, BeforeBlocks) is not behind
    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        expected = whole.forward_head(whole.forward_features(images), pre_logits=True)
        found = trunk.pool(trunk.encode(images))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("name", [name for name, _, behind in TRANSFORMERS if behind])
def test_weights_saved_before_the_tap_moved_still_load(name: str) -> None:
    """Until 0.1 the tap was the input of the last block: its trunk had the very same tensors by the same names."""
    size = {name: size for name, size, _ in TRANSFORMERS}[name]
    _, before = transformers_of(name, size, tap=f"blocks.{SMALL['depth'] - 2}")
    _, now = transformers_of(name, size)
    now.load_state_dict(before.state_dict(), strict=True)
    images = torch.randn(1, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        expected = before.pool(before.encode(images))
        torch.testing.assert_close(
            now.pool(now.encode(images)), expected, rtol=0, atol=1e-12 * float(expected.abs().max())
        )
