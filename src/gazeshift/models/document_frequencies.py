"""How rare each piece of a vocabulary is among the training texts."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.models.tokenizer import TextTokenizer

_TEXTS_AT_ONCE = 256


def inverse_frequencies(tokenizer: TextTokenizer, texts: Sequence[str]) -> Float[Tensor, " pieces"]:
    """``1 + log((1 + n) / (1 + df))`` of each piece, ``df`` of ``n`` texts having it (as scikit-learn does); 0 of special pieces.

    Example:
        >>> from gazeshift.models.tokenizer import train_tokenizer
        >>> tokenizer = TextTokenizer(train_tokenizer(["pie pie", "tart"], 100), 8)
        >>> found = inverse_frequencies(tokenizer, ["pie pie", "tart"])
        >>> round(float(found[tokenizer.tokenizer.convert_tokens_to_ids("pie")]), 3)
        1.405
    """
    having = torch.zeros(len(tokenizer.tokenizer))
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        tokens = tokenizer(texts[start : start + _TEXTS_AT_ONCE])
        there = torch.zeros(len(tokens), len(having)).scatter_add_(1, tokens.ids, tokens.mask.float())
        having += (there > 0).sum(0)
    weights = 1 + torch.log((1 + len(texts)) / (1 + having))
    special = [
        tokenizer.tokenizer.convert_tokens_to_ids(name) for name in tokenizer.tokenizer.special_tokens_map.values()
    ]
    weights[special] = 0
    return weights
