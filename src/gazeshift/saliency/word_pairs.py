"""Which words of a text act together: the interaction of every pair of words on a logit and on its map."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.models.face import Model
from gazeshift.rounding import beyond_rounding
from gazeshift.saliency.cams import DEFAULT
from gazeshift.saliency.combination import Combination
from gazeshift.saliency.explain import explain
from gazeshift.saliency.pictures import Picture
from gazeshift.saliency.spans import Span, find_spans, without


@dataclass(frozen=True)
class WordPairs:
    """The interactions of the pairs of words of a text: ``y(all) - y(-i) - y(-j) + y(-i-j)``, with y a fixed class's logit or map.

    Attributes:
        text: the whole text.
        words: its words or phrases, in order.
        spans: start and end of each in the text.
        explained: name of the explained class.
        pairs: indices of the two words of each pair, the earlier first.
        logit: of each pair, in logits; positive: together they are more evidence than apart. 0 if below rounding, NaN if undefined.
        maps: the same of the raw signed map.
    """

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    explained: str
    pairs: tuple[tuple[int, int], ...]
    logit: Float[np.ndarray, " pairs"]
    maps: Float[np.ndarray, "pairs h w"]


def word_pairs(
    model: Model,
    image: Picture,
    text: str,
    target: str | Combination = "reference",
    *,
    label: str | None = None,
    method: str = DEFAULT,
    spans: Sequence[Span] | None = None,
) -> WordPairs:
    """Leave out each word and each pair of words, and measure what a pair does beyond its words; the trunk runs once.

    Args:
        model: any model that sees images and reads text.
        image: a file, its bytes, a Pillow image, or an array.
        text: a text with at least two words.
        target: as in ``explain``; ``predicted`` means the class predicted with the whole text.
        label: the true class, for ``target="label"``.
        method: as in ``explain``.
        spans: phrases or (start, end) offsets instead of every word, as in ``word_effects``.

    Raises:
        UsageError: fewer than two words, a span that is not in the text, or a model without text.

    Example:
        >>> import gazeshift as gs
        >>> found = gs.word_pairs(gs.load("model"), "photo.jpg", "a red dog")  # doctest: +SKIP
        >>> found.pairs, found.logit.shape  # doctest: +SKIP
        (((0, 1), (0, 2), (1, 2)), (3,))
    """
    places = find_spans(text, spans)
    if len(places) < 2:
        raise UsageError("pairs of words need a text with at least two words.")
    if not model.reads_text:
        raise UsageError(f"model {model.name!r} reads no text: no word has an effect.")
    pairs = tuple(combinations(range(len(places)), 2))
    removed = [[place] for place in places] + [[places[i], places[j]] for i, j in pairs]
    fixed = "reference" if target == "predicted" else target
    texts = [text, *(without(text, some) for some in removed)]
    found = explain(model, image, texts, fixed, label=label, method=method)
    first, second = np.array(pairs).T
    logits = np.array([row.logit for row in found.rows[: len(texts)]])
    return WordPairs(
        text=text,
        words=tuple(text[start:end] for start, end in places),
        spans=tuple(places),
        explained=found.classes[found.rows[0].target],
        pairs=pairs,
        logit=_interaction(logits[:, None, None], len(places), first, second)[:, 0, 0],
        maps=_interaction(found.raw[: len(texts)], len(places), first, second),
    )


def _interaction(
    values: Float[np.ndarray, "texts h w"], words: int, first: np.ndarray, second: np.ndarray
) -> Float[np.ndarray, "pairs h w"]:
    """Of rows: the whole text, without each word, without each pair."""
    whole, both = values[:1], values[1 + words :]
    one, other = values[1 + first], values[1 + second]
    scale = np.stack(
        [np.abs(part).max((1, 2), keepdims=True) + np.zeros_like(both[:, :1, :1]) for part in (whole, one, other, both)]
    )
    return beyond_rounding(whole - one - other + both, scale.max(0))
