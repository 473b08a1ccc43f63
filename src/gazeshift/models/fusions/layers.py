"""Layers that several fusions are made of."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from gazeshift.errors import ModelError
from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import Gaze, Widths
from gazeshift.models.spec import HeadSpec

HEADS_OF_ATTENTION = 4


def linear(width: int, classes: int, dropout: float) -> nn.Sequential:
    """Dropout, then one linear layer."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))


def mlp(width: int, classes: int, spec: HeadSpec) -> nn.Sequential:
    """Dropout, then a hidden ReLU layer, behind which there may be dropout again."""
    again = [nn.Dropout(spec.hidden_dropout)] if spec.hidden_dropout else []
    return nn.Sequential(
        nn.Dropout(spec.dropout), nn.Linear(width, spec.hidden), nn.ReLU(), *again, nn.Linear(spec.hidden, classes)
    )


def narrowed(widths: Widths, spec: HeadSpec) -> nn.Sequential:
    """Dropout on the image's vector, and a linear layer of ``spec.image_width`` after it unless that is 0."""
    layers: list[nn.Module] = [nn.Dropout(spec.dropout)]
    if spec.image_width:
        layers.append(nn.Linear(widths.vector, spec.image_width))
    return nn.Sequential(*layers)


def narrowed_width(widths: Widths, spec: HeadSpec) -> int:
    """Width of what ``narrowed`` gives."""
    return spec.image_width or widths.vector


def open_units(layers: nn.Sequential, values: Float[Tensor, "b d"]) -> Gaze:
    """Which hidden units of linear layers with ReLUs between them are open, layer by layer.

    Example:
        >>> open_units(nn.Sequential(nn.Identity(), nn.ReLU(), nn.Identity()), torch.tensor([[-1.0, 2.0]]))
        (tensor([[False,  True]]),)
    """
    found = []
    for layer in layers[0:-1:2]:
        values = layer(values)
        found.append(values > 0)
        values = values.relu()
    return tuple(found)


def through_units(layers: nn.Sequential, values: Float[Tensor, "b d"], units: Gaze) -> Float[Tensor, "b out"]:
    """The same layers with these units open in place of those that the ReLUs would open.

    Example:
        >>> layers = nn.Sequential(nn.Identity(), nn.ReLU(), nn.Identity())
        >>> through_units(layers, torch.tensor([[-1.0, 2.0]]), (torch.tensor([[True, False]]),))
        tensor([[-1.,  0.]])
    """
    for layer, unit in zip(layers[0:-1:2], units, strict=True):
        values = let_through(layer(values), unit)
    return layers[-1](values)


def let_through(values: Float[Tensor, "*b d"], units: Bool[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """What open units say; closed ones say 0. With ``values > 0`` this is the ReLU."""
    return torch.where(units, values, 0.0)


def tokens_of(text: TextFeatures) -> tuple[Float[Tensor, "b l d"], Bool[Tensor, "b l"]]:
    """The tokens' vectors and which of them are real.

    Raises:
        ModelError: only the pooled vectors were kept.
    """
    if not text.tokens.shape[1]:
        raise ModelError("this fusion reads a text token by token, and only the text's pooled vector is at hand.")
    return text.tokens, text.mask


def signed_root(values: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """Signed square root, then length 1: how bilinear features are normalised before they are classified.

    The root's own slope is infinite at 0, where it would turn rounding into maps; here it is at most about three.
    """
    return functional.normalize(values * (values.abs() + 0.1).rsqrt())


class Attention(nn.Module):
    """Attention of some vectors to others, with several heads.

    What is attended to is not normalised first: a cell that is heard only through a norm has a map of zeros (``models.tokens``).
    """

    def __init__(self, asking: int, asked: int, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(asking, width), nn.Linear(asked, width), nn.Linear(asked, width)
        self.out = nn.Linear(width, width)

    def forward(
        self, asking: Float[Tensor, "b q a"], asked: Float[Tensor, "b k e"], real: Bool[Tensor, "b k"] | None = None
    ) -> Float[Tensor, "b q width"]:
        """For each that asks, what it hears; ``real`` marks those that can be heard, all if None."""
        return self.hear(self.pattern(asking, asked), asked, real)

    def pattern(self, asking: Float[Tensor, "b q a"], asked: Float[Tensor, "b k e"]) -> Gaze:
        """Who attends to whom: queries and keys, whose products' softmax are the shares of attention.

        The shares themselves, multiplied with the values one after the other, would round otherwise than the fused attention does.
        """
        return _by_head(self.query(asking)), _by_head(self.key(asked))

    def hear(
        self, pattern: Gaze, asked: Float[Tensor, "b k e"], real: Bool[Tensor, "b k"] | None = None
    ) -> Float[Tensor, "b q width"]:
        """What is heard under a pattern, which may stem from other vectors than these."""
        query, key = pattern
        mask = None if real is None else real[:, None, None]
        heard = functional.scaled_dot_product_attention(query, key, _by_head(self.value(asked)), attn_mask=mask)
        return self.out(heard.transpose(1, 2).flatten(2))


def _by_head(vectors: Float[Tensor, "b n w"]) -> Float[Tensor, "b heads n d"]:
    return vectors.view(*vectors.shape[:2], HEADS_OF_ATTENTION, -1).transpose(1, 2)


class Block(nn.Module):
    """A transformer's block with its norms behind each part, as in BERT."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = Attention(width, width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, tokens: Float[Tensor, "b n w"], real: Bool[Tensor, "b n"]) -> Float[Tensor, "b n w"]:
        """Tokens that have heard each other."""
        return self.under(self.pattern(tokens), tokens, real)

    def pattern(self, tokens: Float[Tensor, "b n w"]) -> Gaze:
        """Which of them attend to which."""
        return self.attention.pattern(tokens, tokens)

    def under(self, pattern: Gaze, tokens: Float[Tensor, "b n w"], real: Bool[Tensor, "b n"]) -> Float[Tensor, "b n w"]:
        """The same under a pattern that may be that of others."""
        tokens = self.norms[0](tokens + self.attention.hear(pattern, tokens, real))
        return self.norms[1](tokens + self.feed(tokens))


def learnt(count: int, width: int) -> nn.Parameter:
    """Tokens, or places, that are learnt."""
    return nn.Parameter(torch.randn(count, width) * 0.02)


def all_real(tokens: Float[Tensor, "b n w"]) -> Bool[Tensor, "b n"]:
    """That each of these can be heard."""
    return torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)


def attention_width(spec: HeadSpec) -> int:
    """``spec.hidden``, rounded up to whole heads."""
    return -(-spec.hidden // HEADS_OF_ATTENTION) * HEADS_OF_ATTENTION
