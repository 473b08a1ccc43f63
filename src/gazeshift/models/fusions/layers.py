"""Layers that several fusions are made of."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from gazeshift.errors import ModelError
from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import Widths
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
        query, key, value = (
            layer(each).unflatten(2, (HEADS_OF_ATTENTION, -1)).transpose(1, 2)
            for layer, each in ((self.query, asking), (self.key, asked), (self.value, asked))
        )
        mask = None if real is None else real[:, None, None]
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(heard.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A transformer's block with its norms behind each part, as in BERT."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = Attention(width, width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, tokens: Float[Tensor, "b n w"], real: Bool[Tensor, "b n"]) -> Float[Tensor, "b n w"]:
        """Tokens that have heard each other."""
        tokens = self.norms[0](tokens + self.attention(tokens, tokens, real))
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
