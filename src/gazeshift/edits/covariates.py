"""What the training texts say about a word: how often it occurs, and with which classes. "red" predicts red velvet cake."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gazeshift.edits.edit import Corpus
from gazeshift.names import UNSPACED

_WORDS = re.compile(r"[^\W_]+")
_HAS_UNSPACED = re.compile(f"[{UNSPACED}]")


@dataclass(frozen=True)
class WordUse:
    """A word in the training titles.

    Attributes:
        word: the word.
        titles: number of titles that contain it, each counted once.
        frequency: their share of all titles, in [0, 1].
        pmi: per class, ``log2(p(word, class) / (p(word) p(class)))`` in bits with one added to each cell (title contains the word or
            not, by class); 0: the word says nothing about the class.
    """

    word: str
    titles: int
    frequency: float
    pmi: Mapping[str, float]

    @property
    def absent(self) -> bool:
        """Whether no training title contains the word, so that its ``pmi`` is due only to smoothing."""
        return self.titles == 0


def word_use(corpus: Corpus, words: Collection[str]) -> dict[str, WordUse]:
    """Frequency of words and their association with classes, over the training titles.

    A word is matched as a whole word in any case; in a script without spaces, anywhere. Smoothing adds one to each cell of
    the table of presence by class, and the marginals come from the smoothed table (Church and Hanks 1990 for the measure).

    Args:
        corpus: the training titles.
        words: any.

    Example:
        >>> use = word_use(Corpus({"cake": ("red cake", "red velvet"), "pie": ("pie", "a pie")}, ("cake", "pie")), ["red", "blue"])
        >>> use["red"].frequency, round(use["red"].pmi["cake"], 3), use["blue"].absent, use["blue"].pmi["cake"]
        (0.5, 0.585, True, 0.0)
    """
    held = _titles_holding(corpus, words)
    sizes = {label: len(corpus.titles.get(label, ())) for label in corpus.classes}
    total = sum(sizes.values())
    return {word: _use(word, held[word], sizes, total) for word in words}


def _use(word: str, held: Mapping[str, int], sizes: Mapping[str, int], total: int) -> WordUse:
    titles = sum(held.values())
    cells = total + 2 * len(sizes)
    presence = titles + len(sizes)
    pmi = {
        label: math.log2((held.get(label, 0) + 1) * cells / (presence * (size + 2))) for label, size in sizes.items()
    }
    return WordUse(word, titles, titles / total if total else 0.0, pmi)


def _titles_holding(corpus: Corpus, words: Collection[str]) -> dict[str, Counter[str]]:
    folded = {word: _fold(word) for word in words}
    unspaced = {word for word, form in folded.items() if _HAS_UNSPACED.search(form)}
    held: dict[str, Counter[str]] = {word: Counter() for word in words}
    for label in corpus.classes:
        for title in map(_fold, corpus.titles.get(label, ())):
            there = set(_WORDS.findall(title))
            held_here = (
                word for word, form in folded.items() if (form in title if word in unspaced else form in there)
            )
            for word in held_here:
                held[word][label] += 1
    return held


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
