"""Texts to features in bounded memory, for any number of texts."""

from collections.abc import Sequence

import torch

from gazeshift.models import Classifier, TextFeatures, evaluating

_TEXTS_AT_ONCE = 128  # more gain nothing on a CPU, and a sentence encoder's inner layers are wide


@torch.no_grad()
def encode_texts(model: Classifier, texts: Sequence[str]) -> TextFeatures:
    """Text features as the head gets them, in evaluation mode and the head's precision (under autocast the encoder may return half).

    All are padded to the longest, as in one batch.
    """
    with evaluating(model):
        tokens = model.tokenize(texts)
        parts = [
            model.encode_text(tokens.ids[start : start + _TEXTS_AT_ONCE], tokens.mask[start : start + _TEXTS_AT_ONCE])
            for start in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
    joined = TextFeatures(
        torch.cat([part.tokens for part in parts]),
        torch.cat([part.mask for part in parts]),
        torch.cat([part.pooled for part in parts]),
    )
    return joined.with_precision(next(model.head.parameters()).dtype)
