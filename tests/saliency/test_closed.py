"""Maps in closed form are the maps of autograd: over every structure of vision transformers, for any number of texts and images."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.precise import well_scaled
from torch import Tensor

from gazeshift.models import BoundClassifier, Classifier, ImageSpec
from gazeshift.saliency import Rows, compute_maps
from gazeshift.saliency.closed import RULES, Closed
from gazeshift.saliency.recast import with_outputs

Build = Callable[..., Classifier]
SMALL: dict[str, Any] = {"embed_dim": 32, "depth": 2, "num_heads": 2}
# name of the net, its options, side of the image
HEARD_ONCE: dict[str, tuple[str, dict[str, Any], int]] = {
    "class token": ("vit_tiny_patch16_224", SMALL, 64),
    "registers": ("vit_tiny_patch16_224", SMALL | {"reg_tokens": 3}, 64),
    "layer scale": ("vit_small_patch14_dinov2", SMALL, 56),
    "registers, layer scale": ("vit_small_patch14_reg4_dinov2", SMALL, 56),
    "norm of queries and keys": ("vit_tiny_patch16_224", SMALL | {"qk_norm": True}, 64),
    "norm of the attention": ("vit_tiny_patch16_224", SMALL | {"scale_attn_norm": True}, 64),
    "no bias": ("vit_tiny_patch16_224", SMALL | {"qkv_bias": False}, 64),
    "norm after the pooling": ("vit_tiny_patch16_224", SMALL | {"fc_norm": True}, 64),
    "norm before the blocks": ("vit_base_patch32_clip_224", SMALL, 96),
    "two class tokens": ("deit_tiny_distilled_patch16_224", SMALL, 64),
    "deit": ("deit3_small_patch16_224", SMALL, 64),
    "gated mlp": ("vit_giant_patch14_dinov2", SMALL, 56),
    "attention pooling": ("vit_base_patch16_siglip_224", SMALL, 64),
    "attention pooling with class token": ("vit_base_patch16_siglip_224", SMALL | {"class_token": True}, 64),
    "attention pooling over class token": (
        "vit_base_patch16_siglip_224",
        SMALL | {"class_token": True, "pool_include_prefix": True},
        64,
    ),
}
# Here each text's gradient goes through the last block, or as many as the vector that the text meets is wide.
HEARD_OFTEN: dict[str, tuple[str, dict[str, Any], int]] = {
    "mean of normed tokens": ("vit_base_patch16_siglip_gap_224", SMALL, 64),
    "normed mean of tokens": ("vit_base_patch16_reg4_gap_256", SMALL, 64),
    "norms after": ("vit_base_patch16_rpn_224", SMALL, 64),
    "parallel attentions": ("vit_small_patch16_18x2_224", SMALL, 64),
    "attention beside mlp": ("vit_base_patch16_xp_224", SMALL, 64),
    "difference of attentions": ("vit_tiny_patch16_224", SMALL | {"attn_layer": "diff"}, 64),
}
TEXTS = tuple(f"{one} {other}" for one in ("apple", "red", "a", "green") for other in ("pie", "tomato", "bowl", "honey"))


@pytest.fixture
def bound(build: Build) -> Callable[..., BoundClassifier]:
    """``bound(net, options, size, head)``: three images and sixteen texts, in double precision, with weights of the scale of trained ones."""

    def make(name: str, options: dict[str, Any], size: int, head: str = "early-fusion") -> BoundClassifier:
        model = well_scaled(build(head, image=ImageSpec(name=name, options=options), size=size)).double()
        pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        tokens = model.tokenize(TEXTS)
        with torch.no_grad():
            return BoundClassifier(model, model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask))

    return make


def own_text() -> Rows:
    return Rows(torch.tensor([2, 0, 1]), torch.tensor([1, 4, 7]), torch.tensor([0, 3, 4]))


def many_texts() -> Rows:
    """Every image with every text, in a mixed order, for several classes."""
    order = torch.randperm(48, generator=torch.Generator().manual_seed(0))
    return Rows(order // 16, order % 16, order % 5)


def by_autograd(bound: BoundClassifier, rows: Rows, method: str) -> Tensor:
    """The definition, row by row, from ``classify`` on the whole grid."""
    maps = []
    for image, text, target in zip(rows.image, rows.text, rows.target, strict=True):
        grid = bound.grid[image : image + 1].clone().requires_grad_()
        logit = bound.logits(grid * 1, image[None], text[None])[0, target]
        (slope,) = torch.autograd.grad(logit, grid)
        weights = slope if method == "hires-cam" else slope.mean((2, 3), keepdim=True)
        maps.append((weights * grid).sum(1)[0].detach())
    return torch.stack(maps)


def hold(bound: BoundClassifier, rows: Rows) -> None:
    for method in RULES:
        computed, expected = compute_maps(bound, rows, method), by_autograd(bound, rows, method)
        peak = expected.abs().amax((1, 2), keepdim=True)
        assert (peak > 0).all()
        assert ((computed.maps - expected).abs() <= 1e-4 * peak).all(), method
        logits = bound.logits(bound.grid[rows.image], rows.image, rows.text).gather(1, rows.target[:, None])[:, 0]
        torch.testing.assert_close(computed.scores, logits.detach())


@pytest.mark.parametrize("rows", [own_text(), many_texts()], ids=["own text", "many texts"])
@pytest.mark.parametrize("structure", HEARD_ONCE)
def test_one_attention_that_hears_the_cells(bound: Callable[..., BoundClassifier], structure: str, rows: Rows) -> None:
    case = bound(*HEARD_ONCE[structure])
    closed = Closed.of(case, rows)
    assert closed is not None
    assert closed.attending is not None
    hold(case, rows)


@pytest.mark.parametrize("rows", [own_text(), many_texts()], ids=["own text", "many texts"])
@pytest.mark.parametrize("structure", HEARD_OFTEN)
def test_cells_that_are_heard_in_other_ways(bound: Callable[..., BoundClassifier], structure: str, rows: Rows) -> None:
    case = bound(*HEARD_OFTEN[structure])
    closed = Closed.of(case, rows)
    assert (closed is not None) == (len(rows) > 3 * 8), "the text meets 8 numbers of each of 3 images"
    assert closed is None or closed.attending is None
    hold(case, rows)
