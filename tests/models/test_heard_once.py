"""Vision transformers from outside: taken apart at their last block where that gives their own maps, explained as a whole elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import transformers
from torch import Tensor, nn

from gazeshift.models.adapters import wrap
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.saliency import Rows, compute_maps

SMALL: dict[str, Any] = {"num_classes": 0, "depth": 3, "embed_dim": 32, "num_heads": 2}
VIT = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 64}


class Fusion(nn.Module):
    """Any trunk's vector and a text, into one head."""

    def __init__(self, trunk: nn.Module, width: int, vector: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.trunk, self.vector = trunk, vector
        self.head = nn.Sequential(nn.Linear(width + 8, 32), nn.ReLU(), nn.Linear(32, 5))

    def forward(self, image: Tensor, words: Tensor) -> Tensor:
        return self.head(torch.cat([self.vector(self.trunk(image)), words], 1))


def _itself(vector: Tensor) -> Tensor:
    return vector


def _class_token(out: Any) -> Tensor:
    return out.last_hidden_state[:, 0]


def _embedding(out: Any) -> Tensor:
    return out.image_embeds


def _pooled(out: Any) -> Tensor:
    return out.pooler_output


def _timm(name: str = "vit_tiny_patch16_224", size: int = 64, **options: Any) -> Fusion:
    return Fusion(timm.create_model(name, img_size=size, **SMALL | options), 32, _itself)


def _vit(**options: Any) -> Fusion:
    config = transformers.ViTConfig(patch_size=16, **VIT, **options)
    return Fusion(transformers.ViTModel(config, add_pooling_layer=False), 32, _class_token)


def _clip() -> Fusion:
    config = transformers.CLIPVisionConfig(patch_size=16, projection_dim=16, **VIT)
    return Fusion(transformers.CLIPVisionModelWithProjection(config), 16, _embedding)


def _dino() -> Fusion:
    config = transformers.Dinov2WithRegistersConfig(patch_size=16, **VIT)
    return Fusion(transformers.Dinov2WithRegistersModel(config), 32, _pooled)


TIMM, TIMM_EVA = "trunk.blocks.2.norm1", {"name": "eva02_tiny_patch14_224", "size": 56}
# how it is made, the last block's first norm, side of the image
TAKEN_APART: dict[str, tuple[Callable[[], Fusion], str, int]] = {
    "timm": (_timm, TIMM, 64),
    "timm, norm of queries and keys": (lambda: _timm(qk_norm=True), TIMM, 64),
    "timm, registers": (lambda: _timm(reg_tokens=2), TIMM, 64),
    "timm, places by rotation": (lambda: _timm(**TIMM_EVA, global_pool="token"), TIMM, 56),
    "ViT": (_vit, "trunk.layers.2.layernorm_before", 64),
    "CLIP": (_clip, "trunk.vision_model.encoder.layers.2.layer_norm1", 64),
    "DINOv2, registers": (_dino, "trunk.encoder.layer.2.norm1", 64),
}
AS_A_WHOLE: dict[str, tuple[Callable[[], Fusion], str, int]] = {
    "all tokens read": (lambda: _timm(global_pool="avg"), TIMM, 64),
    "an earlier block": (_timm, "trunk.blocks.1.norm1", 64),
    "the norm before the perceptron": (_timm, "trunk.blocks.2.norm2", 64),
    "a difference of attentions": (lambda: _timm(attn_layer="diff"), TIMM, 64),
    "attention written out": (lambda: _vit(attn_implementation="eager"), "trunk.layers.2.layernorm_before", 64),
}


def bind(make: Callable[[], Fusion], layer: str, size: int, texts: int) -> BoundModule:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = make().eval()
        for weight in net.parameters():  # the scale of trained ones
            if weight.ndim in {2, 4}:
                nn.init.normal_(weight, 0, weight[0].numel() ** -0.5)
            elif weight.ndim == 3:
                nn.init.normal_(weight)
        images, words = torch.randn(2, 3, size, size), torch.randn(texts, 8)
    pairs = torch.arange(2).repeat_interleave(texts), torch.arange(texts).repeat(2)
    return wrap(net, layer, image="image", text="words").bind(images, words, *pairs)


def hold(bound: BoundModule) -> None:
    """The same maps and logits as by autograd through the model's own rest."""
    rows = Rows(bound.row, bound.text, torch.arange(len(bound.row)) % 5)
    for method in ("hires-cam", "grad-cam"):
        found = compute_maps(bound, rows, method)
        for index in range(0, len(rows), 7):
            row = bound.row[index : index + 1]
            grid = bound.grid[row].clone().requires_grad_()
            logit = bound.logits(grid * 1, row, bound.text[index : index + 1])[0, rows.target[index]]
            (slope,) = torch.autograd.grad(logit, grid)
            slope = slope if method == "hires-cam" else slope.mean((2, 3), keepdim=True)
            expected = (slope * grid).sum(1)[0].detach()
            assert (found.maps[index] - expected).abs().max() <= 1e-4 * expected.abs().max()
            torch.testing.assert_close(found.scores[index], logit.detach(), rtol=1e-4, atol=1e-4)
    answers = bound.answers
    scored = answers.gather(1, rows.target[:, None])[:, 0]
    torch.testing.assert_close(scored, compute_maps(bound, rows, "hires-cam").scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("texts", [3, 36], ids=["few texts", "more than the block is wide"])
@pytest.mark.parametrize("case", TAKEN_APART)
def test_taken_apart(case: str, texts: int) -> None:
    bound = bind(*TAKEN_APART[case], texts)
    assert bound.bottleneck is not None
    hold(bound)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in bound.parts.modules())


@pytest.mark.parametrize("case", AS_A_WHOLE)
def test_as_a_whole(case: str) -> None:
    bound = bind(*AS_A_WHOLE[case], 3)
    assert bound.bottleneck is None
    hold(bound)
