"""Maps from attention, derived again from the weights that timm computes without the fused kernel, read by hooks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, ImageSpec, TextFeatures
from gazeshift.saliency import Probe, Rows, compute_maps
from gazeshift.saliency.attention import attention_gradient, rollout

Build = Callable[..., Classifier]
TEXTS = ("apple pie with cream", "red tomato ketchup", "")
ASKED = [(0, 0, 2), (1, 1, 0), (0, 2, 4)]
ROWS = Rows(*(torch.tensor(column) for column in zip(*ASKED, strict=True)))
TINY: dict[str, Any] = {"embed_dim": 16, "depth": 2, "num_heads": 2}
NETS = {
    "class token": {},
    "registers": {"reg_tokens": 2, "init_values": 0.5},
    "average": {"global_pool": "avg", "class_token": False},
    "normed queries": {"qk_norm": True},
}


def vit(build: Build, net: str, tap: str = "last") -> Classifier:
    return build(image=ImageSpec(name="vit_tiny_patch16_224", options=TINY | NETS[net], tap=tap)).double()


def encode(model: Classifier) -> tuple[ImageFeatures, TextFeatures]:
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tokens = model.tokenize(TEXTS)
    with torch.no_grad():
        return model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)


def hooked(model: Classifier, image: int, text: int, target: int) -> list[tuple[Tensor, Tensor]]:
    """Attention (heads n n) and its gradient of every attention after the tap, unfused, seen by hooks; one row, one pass."""
    seen: list[Tensor] = []
    attentions = [module.attn for module in model.trunk.last_blocks.modules() if hasattr(module, "attn")]
    hooks = [attention.attn_drop.register_forward_hook(lambda _, __, out: seen.append(out)) for attention in attentions]
    images, texts = encode(model)
    for attention in attentions:
        attention.fused_attn = False
    logits = model.classify(images.rows(torch.tensor([image])), texts.rows(torch.tensor([text])))
    for hook in hooks:
        hook.remove()
    for attention in attentions:
        attention.fused_attn = True
    gradients = torch.autograd.grad(logits[0, target], seen)
    return [(weights[0].detach(), slope[0]) for weights, slope in zip(seen, gradients, strict=True)]


def slow_attention_gradient(steps: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Equations 5 and 6 of Chefer et al. 2021, head by head: R of every token with every token, without the tokens themselves."""
    tokens = steps[0][0].shape[-1]
    relevance = torch.eye(tokens, dtype=torch.float64)
    for weights, slope in steps:
        mean = torch.zeros(tokens, tokens, dtype=torch.float64)
        for head in range(len(weights)):
            mean += (weights[head] * slope[head]).clamp(min=0) / len(weights)
        relevance = relevance + mean @ relevance
    return relevance - torch.eye(tokens, dtype=torch.float64)


def slow_rollout(steps: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Equation 1 of Abnar and Zuidema 2020, with the residual connection as half the weight."""
    tokens = steps[0][0].shape[-1]
    joined = torch.eye(tokens, dtype=torch.float64)
    for weights, _ in steps:
        joined = (0.5 * weights.mean(0) + 0.5 * torch.eye(tokens, dtype=torch.float64)) @ joined
    return joined


def read(relevance: Tensor, net: str) -> Tensor:
    """The class token's row at the cells; where cells are averaged, the mean of theirs."""
    row = relevance.mean(0) if net == "average" else relevance[0]
    return row[-16:].view(4, 4)


@pytest.mark.parametrize(("tap", "blocks"), [("last", 1), ("patch_embed", 2)])
@pytest.mark.parametrize("net", sorted(NETS))
def test_equals_attention_seen_by_hooks(build: Build, net: str, tap: str, blocks: int) -> None:
    model = vit(build, net, tap)
    image, text = encode(model)
    gradient = compute_maps(BoundClassifier(model, image, text), ROWS, "attention-gradient")
    rolled = compute_maps(BoundClassifier(model, image, text), ROWS, "rollout")
    for index, asked in enumerate(ASKED):
        steps = hooked(model, *asked)
        assert len(steps) == blocks
        expected = read(slow_attention_gradient(steps), net)
        assert expected.abs().max() > 0
        torch.testing.assert_close(gradient.maps[index], expected, rtol=1e-9, atol=1e-14)
        torch.testing.assert_close(rolled.maps[index], read(slow_rollout(steps), net), rtol=1e-9, atol=1e-14)
        logit = model.classify(image.rows(ROWS.image[[index]]), text.rows(ROWS.text[[index]]))[0, ROWS.target[index]]
        assert float(gradient.scores[index]) == pytest.approx(float(logit.detach()), rel=1e-9)


def test_unfused_attention_is_seen_too(build: Build) -> None:
    model = vit(build, "registers")
    image, text = encode(model)
    probe = Probe(BoundClassifier(model, image, text), ROWS)
    fused = attention_gradient(probe), rollout(probe)
    model.trunk.last_blocks[0].attn.fused_attn = False
    probe = Probe(BoundClassifier(model, image, text), ROWS)
    torch.testing.assert_close((attention_gradient(probe), rollout(probe)), fused, rtol=1e-9, atol=1e-14)


def test_rollout_is_blind_to_class_and_text(build: Build) -> None:
    model = vit(build, "class token")
    image, text = encode(model)
    rolled = compute_maps(BoundClassifier(model, image, text), ROWS, "rollout").maps
    gradient = compute_maps(BoundClassifier(model, image, text), ROWS, "attention-gradient").maps
    torch.testing.assert_close(rolled[0], rolled[2], rtol=1e-12, atol=0)
    assert float((gradient[0] - gradient[2]).abs().max() / gradient.abs().max()) > 1e-3


@pytest.mark.parametrize("method", ["attention-gradient", "rollout"])
@pytest.mark.parametrize("name", ["small_cnn", "swin_tiny_patch4_window7_224"])
def test_a_trunk_without_attention_after_the_tap_is_refused(build: Build, name: str, method: str) -> None:
    options = {"embed_dim": 8, "depths": (1, 1), "num_heads": (1, 1)} if name.startswith("swin") else {}
    model = build(image=ImageSpec(name=name, options=options)).double()
    image, text = encode(model)
    with pytest.raises(UsageError, match="no attention over the grid"):
        compute_maps(BoundClassifier(model, image, text), ROWS, method)
