"""Words as coloured text: how strongly a word is coloured, the same in the terminal, in a picture and on a page."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.drawing.numbers import number_or_none
from gazeshift.saliency import WordEffects

Colour = tuple[int, int, int]

_FOR, _AGAINST, _MOVES = (86, 180, 112), (226, 120, 108), (122, 140, 226)
MIN_LOGIT, _MIN_BITS = 0.01, 0.01
"""Effects below these stay faint even where no other word has a larger one: rounding noise must not look strong."""


@dataclass(frozen=True)
class ColouredWord:
    """A word and its effects.

    Attributes:
        text: the word.
        before: the text between the previous word and this one.
        logit: what it adds to the class's logit.
        bits: how far the map moves without it, in bits of Jensen-Shannon divergence; None where a map is undefined.
        logit_colour: background: green for the class, red against it; strength relative to the strongest word's effect.
        bits_colour: background: blue, likewise.
    """

    text: str
    before: str
    logit: float
    bits: float | None
    logit_colour: Colour
    bits_colour: Colour


def coloured_words(effects: WordEffects) -> list[ColouredWord]:
    """The words of a text in order, each with its colours.

    Example:
        >>> zeros = np.zeros((1, 2, 2))
        >>> one = WordEffects("pie", ("pie",), ((0, 3),), "pie", np.array([2.0]), np.array([np.nan]), zeros, zeros[0])
        >>> [(word.text, word.logit_colour, word.bits_colour) for word in coloured_words(one)]
        [('pie', (86, 180, 112), (255, 255, 255))]
    """
    most = float(np.abs(effects.logit).max())
    farthest = max(_MIN_BITS, float(np.nan_to_num(effects.js_bits).max()))
    found, end = [], 0
    for (start, stop), logit, bits in zip(effects.spans, effects.logit.tolist(), effects.js_bits.tolist(), strict=True):
        moved = number_or_none(bits)
        found.append(
            ColouredWord(
                text=effects.text[start:stop],
                before=effects.text[end:start],
                logit=logit,
                bits=moved,
                logit_colour=for_or_against(logit, most),
                bits_colour=_tint(_MOVES, (moved or 0) / farthest),
            )
        )
        end = stop
    return found


def for_or_against(value: float, most: float) -> Colour:
    """A background for a change of a logit: green for the class, red against it, as strong as its share of the largest; white if unknown.

    Example:
        >>> for_or_against(2.0, 2.0), for_or_against(float("nan"), 2.0)
        ((86, 180, 112), (255, 255, 255))
    """
    if not math.isfinite(value):
        return _tint(_FOR, 0)
    return _tint(_FOR if value >= 0 else _AGAINST, abs(value) / max(MIN_LOGIT, most))


def strongest_words(effects: WordEffects, count: int) -> list[int]:
    """Indices of the words whose removal moves the map farthest, farthest first; undefined ones last, by their logit.

    Example:
        >>> maps, logit, bits = np.zeros((3, 2, 2)), np.array([1.0, 0.0, 5.0]), np.array([0.1, 0.4, np.nan])
        >>> spans = ((0, 1), (2, 3), (4, 5))
        >>> strongest_words(WordEffects("a b c", ("a", "b", "c"), spans, "pie", logit, bits, maps, maps[0]), 3)
        [1, 0, 2]
    """
    bits = np.where(np.isfinite(effects.js_bits), effects.js_bits, -1)
    return [int(index) for index in np.lexsort((-np.abs(effects.logit), -bits))[:count]]


def without(effects: WordEffects, index: int) -> Float[np.ndarray, "h w"]:
    """The raw map with the text without a word."""
    return np.asarray(effects.whole - effects.maps[index])


def _tint(full: Colour, share: float) -> Colour:
    red, green, blue = (round(255 + (value - 255) * min(1.0, share)) for value in full)
    return red, green, blue
