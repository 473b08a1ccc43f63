"""Each fusion is its formula, written out here a second time: slowly, number by number or cell by cell, in NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gazeshift.models import HEADS
from gazeshift.models.features import ImageFeatures, TextFeatures
from tests.models.fusions.conftest import WIDTHS, Make, pool

Array = np.ndarray


class Weights:
    """A fusion's weights as arrays: ``w("text.0")(x)`` is that layer, ``w.array("weights")`` a bare array."""

    def __init__(self, head: torch.nn.Module) -> None:
        self.known = {name: value.detach().numpy() for name, value in head.state_dict().items()}

    def array(self, name: str) -> Array:
        return self.known[name]

    def __call__(self, name: str) -> Callable[[Array], Array]:
        weight, bias = self.known[f"{name}.weight"], self.known.get(f"{name}.bias", 0)
        return lambda x: np.array([sum(row[i] * x[i] for i in range(len(x))) for row in weight]) + bias


def relu(x: Array) -> Array:
    return np.where(x > 0, x, 0)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


def unit(x: Array) -> Array:
    return x / np.sqrt((x**2).sum())


def signed_root(x: Array) -> Array:
    return unit(np.sign(x) * np.abs(x) / np.sqrt(np.abs(x) + 0.1))  # smooth at 0


def attended(w: Weights, name: str, asking: Array, asked: Array, heads: int = 4) -> Array:
    """Multi-head attention, one question, one head and one answer at a time."""
    query, key, value = (w(f"{name}.{part}") for part in ("query", "key", "value"))
    out = []
    for question in asking:
        q, parts = query(question), []
        size = len(q) // heads
        for h in range(heads):
            own = slice(h * size, (h + 1) * size)
            scores = np.array([q[own] @ key(each)[own] / np.sqrt(size) for each in asked])
            parts.append(sum(share * value(each)[own] for share, each in zip(softmax(scores), asked, strict=True)))
        out.append(w(f"{name}.out")(np.concatenate(parts)))
    return np.array(out)


def norm(w: Weights, name: str, x: Array) -> Array:
    spread = np.sqrt(((x - x.mean()) ** 2).mean() + 1e-5)
    return (x - x.mean()) / spread * w.array(f"{name}.weight") + w.array(f"{name}.bias")


def block(w: Weights, name: str, tokens: Array) -> Array:
    heard = attended(w, f"{name}.attention", tokens, tokens)
    tokens = np.array([norm(w, f"{name}.norms.0", x) for x in tokens + heard])
    fed = [w(f"{name}.feed.2")(relu(w(f"{name}.feed.0")(x))) for x in tokens]
    return np.array([norm(w, f"{name}.norms.1", x) for x in tokens + np.array(fed)])


def towers(w: Weights, v: Array, u: Array) -> tuple[Array, Array]:
    return w("image.1")(v), w("text.3")(relu(w("text.1")(u)))


def late(combine: Callable[[Weights, Array, Array], Array]) -> Callable[..., Array]:
    return lambda w, v, u, cells, tokens: combine(w, *towers(w, v, u))


def by_confidence(w: Weights, a: Array, b: Array) -> Array:
    one, other = softmax(a).max(), softmax(b).max()
    return (one * a + other * b) / (one + other)


def gated_unit(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    (image, image_gate), (text, text_gate) = np.split(w("image")(v), 2), np.split(w("text")(u), 2)
    z = sigmoid(image_gate + text_gate)
    return w("classes")(z * np.tanh(image) + (1 - z) * np.tanh(text))


def squeeze_excitation(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    squeezed = relu(w("squeeze.0")(np.concatenate([v, u])))
    gates = 2 * sigmoid(w("image")(squeezed)), 2 * sigmoid(w("text")(squeezed))
    return w("classes.1")(np.concatenate([gates[0] * v, gates[1] * u]))


def factorised(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    product = w("image")(v) * w("text")(u)
    return w("classes")(signed_root(np.array([product[i * 5 : i * 5 + 5].sum() for i in range(8)])))


def mutan(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    image = w("image_core")(np.tanh(w("image.1")(v)))
    text = w("text_core")(np.tanh(w("text.0")(u)))
    return w("classes")(sum(image[r * 8 : r * 8 + 8] * text[r * 8 : r * 8 + 8] for r in range(4)))


def compact(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    """Every product of two numbers goes to the sum of their places, with the product of their signs."""
    image, text, size = w.array("image_sketch"), w.array("text_sketch"), 32
    out = np.zeros(size)
    for i, x in enumerate(v):
        for j, y in enumerate(u):
            (a,), (b,) = np.nonzero(image[i])[0:1][0:1], np.nonzero(text[j])[0:1]
            out[(int(a[0]) + int(b[0])) % size] += image[i, a[0]] * x * text[j, b[0]] * y
    return w("classes")(signed_root(out))


def tensor_fusion(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    image, text = np.append(w("image.1")(v), 1), np.append(w("text")(u), 1)
    outer = np.array([x * y for x in image for y in text])
    return w("joint.2")(relu(w("joint.0")(outer)))


def low_rank_tensor(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    """The weight tensor that the factors stand for, built and applied to the outer product."""
    image = np.column_stack([w.array("image.weight"), w.array("image.bias")])
    text = np.column_stack([w.array("text.weight"), w.array("text.bias")])
    outer = np.outer(np.append(v, 1), np.append(u, 1))
    classes = WIDTHS.classes
    out = [
        sum((np.outer(image[r * classes + c], text[r * classes + c]) * outer).sum() for r in range(4))
        for c in range(classes)
    ]
    return np.array(out) + w.array("bias")


def dual(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    image, text = unit(w("image.1")(v)), unit(w("text")(u))
    return np.exp(w.array("log_scale")) * np.array([image @ unit(c) + text @ unit(c) for c in w.array("classes")])


def film(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    scale, shift = np.split(w("text")(u), 2)
    return w("classes.1")(np.mean([relu((1 + scale) * w("image")(cell) + shift) for cell in cells], axis=0))


def text_looks(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    return w("classes.1")(np.concatenate([attended(w, "attention", tokens, cells).mean(0), u]))


def image_reads(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    heard = attended(w, "attention", cells, tokens)
    return w("classes.1")(np.mean([relu(w("image")(x) + y) for x, y in zip(cells, heard, strict=True)], axis=0))


def co_attention(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    reading, looking = attended(w, "reading", cells, tokens), attended(w, "looking", tokens, cells)
    seen = np.mean([relu(w("image")(x) + y) for x, y in zip(cells, reading, strict=True)], axis=0)
    said = np.mean([relu(w("text")(x) + y) for x, y in zip(tokens, looking, strict=True)], axis=0)
    return w("classes.1")(np.concatenate([seen, said]))


def bimodal(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    image = np.array([w("image")(cell) for cell in cells]) + w.array("places")
    joined = np.concatenate([w.array("read"), image, [w("text")(token) for token in tokens]])
    for index in range(2):
        joined = block(w, f"blocks.{index}", joined)
    return w("classes.1")(joined[0])


def bottleneck(w: Weights, v: Array, u: Array, cells: Array, tokens: Array) -> Array:
    read, shared = w.array("read"), w.array("shared")
    image = np.concatenate([read[:1], np.array([w("image")(cell) for cell in cells]) + w.array("places")])
    text = np.concatenate([read[1:], [w("text")(token) for token in tokens]])
    for index in range(2):
        image, ours = np.split(block(w, f"image_blocks.{index}", np.concatenate([image, shared])), [len(image)])
        text, theirs = np.split(block(w, f"text_blocks.{index}", np.concatenate([text, shared])), [len(text)])
        shared = (ours + theirs) / 2
    return (w("classes.1")(image[0]) + w("classes.1")(text[0])) / 2


Formula = Callable[[Weights, Array, Array, Array, Array], Array]
FORMULAS: dict[str, Formula] = {
    "image-only": lambda w, v, u, *_: w("layers.1")(v),
    "image-mlp": lambda w, v, u, *_: w("layers.3")(relu(w("layers.1")(v))),
    "text-only": lambda w, v, u, *_: w("layers.3")(relu(w("layers.1")(u))),
    "late-fusion": late(lambda w, a, b: (a + b) / 2),
    "late-weighted": late(lambda w, a, b: w.array("rule.weights")[0] * a + w.array("rule.weights")[1] * b),
    "product-of-experts": late(lambda w, a, b: np.log(softmax(a) * softmax(b))),
    "late-probabilities": late(lambda w, a, b: np.log((softmax(a) + softmax(b)) / 2)),
    "confidence-weighted": late(by_confidence),
    "stacking": late(
        lambda w, a, b: w("rule.layers.2")(
            relu(w("rule.layers.0")(np.concatenate([np.log(softmax(a)), np.log(softmax(b))])))
        )
    ),
    "early-linear": lambda w, v, u, *_: w("joint.0")(np.concatenate([v, u])),
    "early-fusion": lambda w, v, u, *_: w("joint.2")(relu(w("joint.0")(np.concatenate([w("image.1")(v), u])))),
    "early-deep": lambda w, v, u, *_: w("joint.4")(
        relu(w("joint.2")(relu(w("joint.0")(np.concatenate([w("image.1")(v), u])))))
    ),
    "gated-unit": gated_unit,
    "squeeze-excitation": squeeze_excitation,
    "low-rank-bilinear": lambda w, v, u, *_: w("classes")(np.tanh(w("image.1")(v)) * np.tanh(w("text.0")(u))),
    "factorised-bilinear": factorised,
    "mutan": mutan,
    "compact-bilinear": compact,
    "tensor-fusion": tensor_fusion,
    "low-rank-tensor": low_rank_tensor,
    "dual-encoder": dual,
    "film": film,
    "text-to-image-attention": text_looks,
    "image-to-text-attention": image_reads,
    "co-attention": co_attention,
    "bimodal-transformer": bimodal,
    "bottleneck-tokens": bottleneck,
}


def test_every_fusion_has_its_formula_here() -> None:
    assert FORMULAS.keys() == HEADS.keys()


@pytest.mark.parametrize("name", FORMULAS)
@torch.no_grad()
def test_a_fusion_is_its_formula(make: Make, image: ImageFeatures, text: TextFeatures, name: str) -> None:
    head = make(name)
    logits = head(image, pool, text).numpy()
    for row in range(3):
        cells: Any = image.grid[row].flatten(1).T.numpy()
        tokens = text.tokens[row, text.mask[row]].numpy()
        expected = FORMULAS[name](Weights(head), cells.mean(0), text.pooled[row].numpy(), cells, tokens)
        np.testing.assert_allclose(logits[row], expected, rtol=0, atol=1e-9 * np.abs(expected).max())
