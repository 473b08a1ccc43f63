"""Edits that keep or change what the text is about: other words for the same, other titles, other objects, nothing."""

import re

import numpy as np

from gazeshift.edits.edit import Corpus, Edited, TextEdit
from gazeshift.edits.words import choose
from gazeshift.pairs import Pair

_SWAPS = (
    (re.compile(r"\band\b", re.IGNORECASE), "&"),
    (re.compile(r"&"), "and"),
    (re.compile(r"\brecipes\b", re.IGNORECASE), "recipe"),
    (re.compile(r"\brecipe\b", re.IGNORECASE), "recipes"),
    (re.compile(r"\bhow to make\b", re.IGNORECASE), "how to prepare"),
    (re.compile(r"\s+[-|–—:]+\s+"), ", "),
)


def original(corpus: Corpus) -> TextEdit:
    """The pair's own text: the first floor, which must show no shift at all."""
    return lambda pair, rng: Edited(pair.text)


def paraphrase(corpus: Corpus) -> TextEdit:
    """The same in other words: in a known scene another wording of the same caption; elsewhere the first rule that changes the text.

    The rules swap ``and`` and ``&``, ``recipe`` and ``recipes``, ``make`` and ``prepare``, a separator and a comma; the last resort is
    ``how to make`` before the text.

    Example:
        >>> paraphrase(Corpus({}, ()))(Pair("a", b"", "Shrimp and Grits", "x", "test"), np.random.default_rng(0)).text
        'Shrimp & Grits'
    """

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        if pair.captions:
            own = next((caption for caption in pair.captions if caption.text == pair.text), None)
            same = [
                caption
                for caption in pair.captions
                if own is not None
                and (caption.kind, caption.content, caption.referred) == (own.kind, own.content, own.referred)
                and caption.text != pair.text
            ]
            return choose(same, rng)
        if not pair.text.strip():
            return None
        changed = (pattern.sub(replacement, pair.text, count=1) for pattern, replacement in _SWAPS)
        return Edited(next((text for text in changed if text != pair.text), f"how to make {pair.text}"))

    return edit


def same_class(corpus: Corpus) -> TextEdit:
    """Another training title of the pair's class."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        return _title(corpus, pair.label, pair.text, rng)

    return edit


def other_class(corpus: Corpus) -> TextEdit:
    """A training title of another class, drawn evenly over classes."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        others = [label for label in corpus.classes if label != pair.label and corpus.titles.get(label)]
        return _title(corpus, others[int(rng.integers(len(others)))], pair.text, rng) if others else None

    return edit


def other_object(corpus: Corpus) -> TextEdit:
    """In a known scene: a caption that names another dish of it. Applies nowhere else."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        others = {o.index for o in pair.objects if not o.referred and o.name != pair.label}
        return choose(
            [caption for caption in pair.captions if caption.kind == "dish" and caption.referred in others], rng
        )

    return edit


def empty(corpus: Corpus) -> TextEdit:
    """No text."""
    return lambda pair, rng: Edited("")


def _title(corpus: Corpus, label: str, text: str, rng: np.random.Generator) -> Edited | None:
    titles = [title for title in corpus.titles.get(label, ()) if title != text]
    return Edited(titles[int(rng.integers(len(titles)))]) if titles else None
