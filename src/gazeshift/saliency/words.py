"""Which words of a text move the map of an image, and where to: each word left out, or masked, in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.measures import distribution, jensen_shannon
from gazeshift.models.face import Model
from gazeshift.registry import known_name
from gazeshift.rounding import beyond_rounding
from gazeshift.saliency.cams import DEFAULT
from gazeshift.saliency.combination import Combination
from gazeshift.saliency.explain import explain
from gazeshift.saliency.pictures import Picture
from gazeshift.saliency.spans import Span, find_spans, without
from gazeshift.scripts import word_spans

WAYS = ("leave-out", "mask")
"""How a word is removed."""


@dataclass(frozen=True)
class WordEffects:
    """The effect of each word of a text on a fixed class's logit and map: the whole text minus the text without the word.

    Attributes:
        text: the whole text.
        words: its words (not the tokenizer's pieces), in order.
        spans: start and end of each word in the text.
        explained: name of the explained class: the one predicted with the whole text, unless another was requested.
        logit: change of the class's logit; positive: the word is evidence for the class.
        js_bits: Jensen-Shannon divergence of the maps with and without the word, 0 to 1; NaN where a map is undefined.
        maps: change of the raw signed map: positive where the word adds evidence; 0 where it is below the rounding of the whole text's map.
        whole: raw signed map with the whole text.
        reason: why that map is undefined, in words; None if it is not.
    """

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    explained: str
    logit: Float[np.ndarray, " words"]
    js_bits: Float[np.ndarray, " words"]
    maps: Float[np.ndarray, "words h w"]
    whole: Float[np.ndarray, "h w"]
    reason: str | None = None


def split_words(text: str) -> list[tuple[int, int]]:
    """Start and end of each word: text between spaces; in scripts without spaces, each character with its marks.

    The rule is that of ``gazeshift.scripts.word_spans``.

    Example:
        >>> [("red 寿司 pie"[a:b]) for a, b in split_words("red 寿司 pie")]
        ['red', '寿', '司', 'pie']
    """
    return word_spans(text)


def word_effects(
    model: Model,
    image: Picture,
    text: str,
    target: str | Combination = "reference",
    *,
    how: str = "leave-out",
    label: str | None = None,
    method: str = DEFAULT,
    spans: Sequence[Span] | None = None,
) -> WordEffects:
    """Leave out each word of a text in turn, and measure what the class's logit and map lose.

    The trunk runs once, the head once for all texts. The class is that of the whole text throughout, so a word's effect is never a class
    switch.

    Args:
        model: any model that sees images and reads text.
        image: a file, its bytes, a Pillow image, or an array.
        text: a text with at least one word.
        target: as in ``explain``; ``predicted`` means the class predicted with the whole text.
        how: ``leave-out``, or ``mask`` by the tokenizer's mask token, which keeps the other words in their places.
        label: the true class, for ``target="label"``.
        method: as in ``explain``.
        spans: what is removed instead of each word: (start, end) offsets, or phrases that are in the text once.

    Raises:
        UsageError: a text without words, a span that is not in it, a model without text, or no mask token.
    """
    places = find_spans(text, spans)
    if not model.reads_text:
        raise UsageError(f"model {model.name!r} reads no text: no word has an effect.")
    instead = replacement(model, how)
    shortened = [without(text, [place], instead) for place in places]
    fixed = "reference" if target == "predicted" else target
    found = explain(model, image, [text, *shortened], fixed, label=label, method=method)
    raw = found.raw[: len(places) + 1]
    logits = np.array([row.logit for row in found.rows[: len(places) + 1]])
    p = distribution(raw)
    return WordEffects(
        text=text,
        words=tuple(text[start:end] for start, end in places),
        spans=tuple(places),
        explained=found.classes[found.rows[0].target],
        logit=logits[0] - logits[1:],
        js_bits=jensen_shannon(p[:1], p[1:]),
        maps=beyond_rounding(raw[0] - raw[1:], np.abs(raw[:1]).max((1, 2), keepdims=True)),
        whole=raw[0],
        reason=found.reasons[0],
    )


def replacement(model: Model, how: str) -> str:
    """What stands in the place of a removed word.

    Raises:
        UsageError: an unknown way, or a model without a mask token.
    """
    if known_name(WAYS, how, "way to remove a word") == "leave-out":
        return ""
    if not model.mask_token:
        raise UsageError(f"the tokenizer of {model.name!r} has no mask token; use how='leave-out'.")
    return model.mask_token
