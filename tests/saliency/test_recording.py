"""Attention is seen as PyTorch computes it, under masks of every kind, and of models from outside only what follows the layer."""

import itertools
import math
from typing import Any

import pytest
import torch
from tests.models.outside_model import close, seeded
from torch import Tensor, nn
from torch.nn import functional

from gazeshift.errors import UsageError
from gazeshift.models.adapters import TokenGrid, wrap
from gazeshift.models.adapters.layouts import TokensAt, sequence_first, windows
from gazeshift.saliency.descent import after
from gazeshift.saliency.outside import explain_inputs
from gazeshift.saliency.recording import AttentionRecorder

KEEP = torch.tensor([[1, 1, 1, 0, 1], [0, 0, 1, 1, 1]]).bool()  # of two rows; the second is padded on the left
CAUSAL = torch.ones(5, 5).tril().bool()


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


# Everything that may be said about who looks at whom, as fused attention takes it.
MASKS: dict[str, dict[str, Any]] = {
    "none": {},
    "causal": {"is_causal": True},
    "causal mask": {"attn_mask": CAUSAL},
    "float": {"attn_mask": random(5, 5)},
    "float with walls": {"attn_mask": random(5, 5).masked_fill(~CAUSAL, -math.inf)},
    "float, large instead of infinite": {"attn_mask": torch.zeros(5, 5).double().masked_fill(~CAUSAL, -1e9)},
    "a row's padding": {"attn_mask": KEEP[:, None, None]},
    "a row's padding, float": {
        "attn_mask": torch.zeros(2, 1, 1, 5).double().masked_fill(~KEEP[:, None, None], -math.inf)
    },
    "causal and padded on the left": {"attn_mask": CAUSAL & KEEP[:, None, None]},
    "a head's own bias": {"attn_mask": random(1, 4, 5, 5)},
    "another scale": {"scale": 0.3},
}


@pytest.mark.parametrize("heads", [4, 2, 1])
@pytest.mark.parametrize("mask", MASKS)
def test_fused_attention_is_the_same_recorded_or_not(mask: str, heads: int) -> None:
    shared = {"enable_gqa": True} if heads < 4 else {}
    q, k, v = random(2, 4, 5, 3), random(2, heads, 5, 3) * 0.7, random(2, heads, 5, 3) + 1
    plain = functional.scaled_dot_product_attention(q, k, v, **MASKS[mask], **shared)
    with AttentionRecorder() as recorder:
        seen = functional.scaled_dot_product_attention(q, k, v, **MASKS[mask], **shared)
    torch.testing.assert_close(seen, plain, rtol=1e-9, atol=1e-12)
    (weights,) = recorder.weights
    sums = weights.sum(-1)
    assert weights.shape == (2, 4, 5, 5)
    assert bool(((sums - 1).abs() < 1e-9).logical_or(sums == 0).all()), "weights that do not sum to 1"
    torch.testing.assert_close(weights @ v.repeat_interleave(4 // heads, 1), plain, rtol=1e-9, atol=1e-12)


def test_a_query_that_may_look_nowhere_has_a_gradient_that_is_a_number() -> None:
    q = random(1, 1, 3, 2).requires_grad_()
    with AttentionRecorder():
        out = functional.scaled_dot_product_attention(
            q, q, q, attn_mask=torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0]]).bool()
        )
    (slope,) = torch.autograd.grad(out.square().sum(), q)
    assert bool(slope.isfinite().all())
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize(("need_weights", "average"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    "mask",
    [
        {},
        {"key_padding_mask": ~KEEP},
        {"attn_mask": ~CAUSAL},
        {"attn_mask": random(5, 5)},
        {"attn_mask": ~CAUSAL, "is_causal": True},
        {"attn_mask": ~CAUSAL, "key_padding_mask": torch.tensor([[0, 0, 0, 1, 1], [0, 1, 0, 0, 0]]).bool()},
    ],
)
def test_pytorchs_module_is_the_same_recorded_or_not(
    mask: dict[str, Any], batch_first: bool, need_weights: bool, average: bool
) -> None:
    module = seeded(lambda: nn.MultiheadAttention(8, 2, batch_first=batch_first)).double()
    tokens = random(2, 5, 8) if batch_first else random(5, 2, 8)
    asked = {"need_weights": need_weights, "average_attn_weights": average, **mask}
    plain, given = module(tokens, tokens, tokens, **asked)
    with AttentionRecorder() as recorder:
        seen, told = module(tokens, tokens, tokens, **asked)
    torch.testing.assert_close(seen, plain, rtol=1e-9, atol=1e-12)
    (weights,) = recorder.weights
    assert (told is None) == (given is None) == (not need_weights)
    if given is not None:
        torch.testing.assert_close(told, given, rtol=1e-9, atol=1e-12)
    (slope,) = torch.autograd.grad(seen.square().sum(), weights)  # fails were it not on the way to the output
    assert float(slope.abs().max()) > 0


def test_a_softmax_over_classes_or_another_axis_is_no_attention() -> None:
    with AttentionRecorder() as recorder:
        random(2, 5).softmax(-1)
        random(2, 3, 5, 5).softmax(1)
        torch.softmax(random(2, 5, 5), 2)
        functional.softmax(random(2, 4, 5, 5), dim=-1)
    assert [tuple(weights.shape) for weights in recorder.weights] == [(2, 5, 5), (2, 4, 5, 5)]


def test_what_follows_a_leaf_is_found_through_deep_graphs() -> None:
    leaf, other = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    deep, apart = leaf * 1, other * 1
    for _ in range(5000):
        deep, apart = deep + 1, apart + 1
    assert [found is deep for found in after([deep, apart, deep + apart, leaf.detach()], leaf)] == [True, False]


class Attention(nn.Module):
    """Self-attention with its weights kept, computed in one of the ways in which models do."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.kept = way, []
        self.project, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, tokens: Tensor) -> Tensor:
        """``b n c`` in and out; ``self.kept`` has ``b heads n n`` where the way is plain."""
        q, k, v = (one.unflatten(2, (2, 4)).transpose(1, 2) for one in self.project(tokens).chunk(3, 2))
        if self.way == "fused":
            mixed = functional.scaled_dot_product_attention(q, k, v)
        elif self.way == "fused, float mask":
            mixed = functional.scaled_dot_product_attention(
                q, k, v, attn_mask=torch.zeros(1, k.shape[-2], dtype=q.dtype)
            )
        elif self.way == "module":
            return functional.multi_head_attention_forward(
                *(tokens.transpose(0, 1),) * 3, 8, 2, self.project.weight, self.project.bias, None, None, False, 0.0,
                self.out.weight, self.out.bias, training=False, need_weights=False,
            )[0].transpose(0, 1)  # fmt: skip
        elif self.way == "folded heads":
            q, k, v = (one.flatten(0, 1) for one in (q, k, v))
            mixed = (torch.bmm(q / 2, k.transpose(1, 2)).softmax(-1) @ v).unflatten(0, (-1, 2))
        else:
            weights = (q @ k.transpose(2, 3) / 2).softmax(-1)
            self.kept.append(weights)
            mixed = weights @ v
        return self.out(mixed.transpose(1, 2).flatten(2))


class Reader(nn.Module):
    """A vision transformer and a text encoder with attention over as many tokens, one of each before and two after the layer."""

    def __init__(self, before: int, way: str, lay: Any = None) -> None:
        super().__init__()
        self.patch, self.words = nn.Conv2d(3, 8, 4, 4), nn.Embedding(9, 8)
        self.others = nn.Parameter(torch.randn(before, 8))
        self.early, self.first, self.second, self.text = (Attention(way) for _ in range(4))
        self.layer, self.head, self.lay = nn.Identity(), nn.Linear(8, 3), lay or (lambda tokens: tokens)

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        cells = self.patch(image).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.others.expand(len(cells), -1, -1), cells], 1)
        words = self.words(ids)
        words = words + self.text(words)
        tokens = self.lay(self.layer(self.lay(tokens + self.early(tokens))))
        tokens = torch.tanh(tokens + self.first(tokens)) * words.mean(1, keepdim=True)
        tokens = tokens + self.second(tokens)
        return self.head(torch.tanh(tokens[:, 0] if len(self.others) else tokens.mean(1)))


def reference(model: Reader, image: Tensor, ids: Tensor, target: int, method: str, cells: Tensor) -> Tensor:
    """By plain autograd through attention that keeps its own weights; equations as in the papers."""
    for attention in (model.early, model.first, model.second, model.text):
        attention.kept.clear()
    score = model(image, ids)[0, target]
    steps = [model.first.kept[0], model.second.kept[0]]
    slopes = torch.autograd.grad(score, steps)
    n = steps[0].shape[-1]
    relevance = torch.eye(n, dtype=torch.float64)
    for weights, slope in zip(steps, slopes, strict=True):
        if method == "rollout":
            relevance = 0.5 * (weights[0].mean(0) + torch.eye(n)) @ relevance
        else:
            relevance = relevance + (weights[0] * slope[0]).clamp(min=0).mean(0) @ relevance
    relevance = relevance - torch.eye(n) * (method != "rollout")
    row = relevance[0] if len(model.others) else relevance.mean(0)
    return row[cells].detach()


SEEN = [
    (way, before) for way in ("fused", "fused, float mask", "module", "folded heads", "plain") for before in (0, 1, 5)
]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["attention-gradient", "rollout"])
@pytest.mark.parametrize("text_free", [True, False])
@pytest.mark.parametrize(("way", "before"), SEEN)
def test_attention_of_models_from_outside_equals_plain_autograd(
    way: str, before: int, text_free: bool, method: str
) -> None:
    """Also where the text encoder attends over as many tokens, and with more rows than are run at once."""
    model = seeded(lambda: Reader(before, way)).double()
    plain = seeded(lambda: Reader(before, "plain")).double()
    images, ids = random(3, 3, 16, 20).sigmoid(), torch.arange(7 * (20 + before)).view(7, -1) % 9
    wrapped = wrap(model, "layer", image="image", text="ids", text_free=text_free)
    maps = explain_inputs(wrapped, images, ids, target=1, method=method)
    assert maps.raw.shape == (21, 4, 5)
    cells = torch.arange(before, before + 20).view(4, 5)
    for row, raw in itertools.islice(zip(maps.rows, maps.raw, strict=True), 0, None, 5):
        expected = reference(plain, images[[row.image]], ids[[row.text]], 1, method, cells)
        close(raw, expected.numpy())


@pytest.mark.parametrize(
    ("grid", "lay", "cells"),
    [
        (sequence_first(TokenGrid(4, 5, 1)), lambda tokens: tokens.transpose(0, 1), torch.arange(1, 21).view(4, 5)),
        (TokensAt(windows(4, 5, 1).cells.flip(1) + 1), None, torch.arange(1, 21).view(4, 5).flip(1)),
        (TokenGrid(2, 5, 6), None, torch.arange(6, 16).view(2, 5)),
    ],
)
def test_the_cells_are_where_the_layout_has_them(grid: Any, lay: Any, cells: Tensor) -> None:
    model, plain = (seeded(lambda way=way: Reader(1, way, lay)).double() for way in ("fused", "plain"))
    images, ids = random(2, 3, 16, 20).sigmoid(), torch.arange(10).view(2, 5) % 9
    maps = explain_inputs(
        wrap(model, "layer", image="image", text="ids", grid=grid), images, ids, target=1, method="rollout"
    )
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        close(raw, reference(plain, images[[row.image]], ids[[row.text]], 1, "rollout", cells).numpy())


class Crossed(nn.Module):
    """Image tokens, perhaps through attention among themselves, asked by a text or by learned queries (or asking them)."""

    def __init__(self, way: str, encoded: bool) -> None:
        super().__init__()
        self.way, self.layer, self.words = way, nn.Conv2d(3, 8, 4, 4), nn.Embedding(9, 8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True) if encoded else nn.Identity()
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), 2)
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        cells, words = self.encoder(self.layer(image).flatten(2).transpose(1, 2)), self.words(ids)
        if self.way == "decoder":
            mixed = self.decoder(words, cells)
        elif self.way == "text asks":
            mixed = self.attention(words, cells, cells)[0]
        elif self.way == "image asks":
            mixed = cells + self.attention(cells, words, words, need_weights=False)[0]
        else:
            mixed = (words @ cells.transpose(1, 2) / 3).softmax(-1) @ cells
        return self.head(torch.tanh(mixed).mean(1))


@pytest.mark.parametrize("method", ["attention-gradient", "rollout"])
@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("way", ["decoder", "text asks", "image asks", "plain"])
def test_a_text_of_as_many_tokens_is_not_taken_for_the_image(way: str, encoded: bool, method: str) -> None:
    model = seeded(lambda: Crossed(way, encoded))
    images, ids = torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(1)), torch.arange(40).view(2, 20) % 9
    wrapped = wrap(model, "layer", image="image", text="ids")
    if encoded:
        maps, others = (explain_inputs(wrapped, images, ids[:, :size], target=1, method=method) for size in (20, 19))
        assert maps.raw.shape == (4, 4, 5)
        assert float(abs(maps.raw).max()) > 0
        if method == "rollout":  # the encoder's own, to which a text makes no difference
            close(maps.raw, others.raw)
        return
    for size in (20, 19):
        known = "" if way == "image asks" and size == 19 else ".*cross-attention"
        with pytest.raises(UsageError, match=f"no attention over the grid{known}"):
            explain_inputs(wrapped, images, ids[:, :size], target=1, method=method)


def test_without_attention_after_the_layer_the_refusal_says_what_there_is() -> None:
    model = seeded(lambda: Reader(1, "fused")).double()
    images, ids = random(2, 3, 16, 20).sigmoid(), torch.arange(10).view(2, 5) % 9
    for layer, grid, words in (
        ("second", None, r"21 tokens, 20 of them cells\); what follows attends to nothing"),
        ("patch", None, r"\(20 tokens, 20 of them cells\); what follows attends 21 x 21"),
        (
            "layer",
            lambda image, text: TokenGrid(4, 5, [int(ids[0] == 0) for ids in text]),
            "the same tokens in every row",
        ),
    ):
        wrapped = wrap(model, layer, image="image", text="ids", grid=grid)
        with pytest.raises(UsageError, match=words) as error:
            explain_inputs(wrapped, images, ids, target=1, method="rollout")
        assert "\n" not in str(error.value)
        assert len(str(error.value)) <= 400


class Biased(nn.Module):
    """Two blocks with a learned bias and scale before queries and keys, gates by a softmax, and a text that looks at the cells between."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.words, self.head = nn.Conv2d(3, 8, 4, 4), nn.Embedding(9, 8), nn.Linear(8, 3)
        self.places, self.bias, self.scale = nn.Linear(2, 20), nn.Linear(20, 20), nn.Parameter(torch.ones(1))
        self.gate, self.kept = nn.Linear(8, 8), []

    def attend(self, asking: Tensor, asked: Tensor) -> Tensor:
        bias = self.bias(self.places(torch.ones(20, 2, dtype=asked.dtype)))
        weights = (bias + self.scale * (asking @ asked.transpose(1, 2))).softmax(-1)
        self.kept.append(weights)
        return weights @ asked

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        cells, words = self.layer(image).flatten(2).transpose(1, 2), self.words(ids)
        cells = self.attend(cells, cells)  # without a residual connection
        words = words + self.attend(words, cells)
        words = words + self.attend(words, words)
        cells = self.gate(cells).softmax(-1) * cells + cells
        cells = cells + self.attend(cells, cells)
        return self.head(torch.tanh(cells).mean(1) + torch.tanh(words).mean(1))


@pytest.mark.parametrize("method", ["attention-gradient", "rollout"])
def test_only_attention_among_the_cells_is_followed(method: str) -> None:
    """Of four attentions of one size: the first and the last."""
    model = seeded(Biased).double()
    images, ids = random(1, 3, 16, 20).sigmoid(), torch.arange(20).view(1, 20) % 9
    maps = explain_inputs(wrap(model, "layer", image="image", text="ids"), images, ids, target=1, method=method)
    model.kept.clear()
    score = model(images, ids)[0, 1]
    first, _, _, last = model.kept
    slopes, tokens = torch.autograd.grad(score, [first, last]), torch.eye(20, dtype=torch.float64)
    relevance = tokens
    for weights, slope in zip((first, last), slopes, strict=True):
        step = (weights * slope).clamp(min=0) if method == "attention-gradient" else (weights + tokens) / 2
        relevance = relevance * (method == "attention-gradient") + step[0].detach() @ relevance
    relevance = relevance - tokens * (method == "attention-gradient")
    close(maps.raw[0], relevance.mean(0).view(4, 5).numpy())
