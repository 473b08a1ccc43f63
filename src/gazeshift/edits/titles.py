"""Replace the text: by one of the same class, of another class, of another object, or by none."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from gazeshift.edits.edit import Corpus, Edited, TextEdit, choose
from gazeshift.edits.pieces import Pieces
from gazeshift.names import spoken
from gazeshift.pairs import Pair, SceneCaption

_NAMING = {"dish", "class"}
"""Kinds of captions of known scenes that name one thing and nothing else of it."""


def original(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """The pair's own text: the first noise floor, which must show no shift at all."""
    return lambda pair, rng: Edited(pair.text)


def empty(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """No text."""
    return lambda pair, rng: Edited("")


def same_class(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """Another training title of the pair's class."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        return _one([title for title in corpus.titles.get(pair.label, ()) if title != pair.text], rng)

    return edit


def other_class(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """A training title of another class, drawn evenly over classes."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        return _of_any({label: corpus.titles.get(label, ()) for label in corpus.classes}, pair, rng)

    return edit


def other_class_same_length(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """A training title of another class with the same number of pieces as the pair's text, or the nearest; then the same number of words.

    Drawn evenly over the classes that have such a title. Does not apply to an empty text.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> corpus = Corpus({"tart": ("tart", "lemon tart", "a tart of lemons")}, ("pie", "tart"))
        >>> edit = other_class_same_length(corpus, WholeWords())
        >>> edit(Pair("a", b"", "apple pie", "pie", "test"), np.random.default_rng(0)).text
        'lemon tart'
    """
    by_length: dict[tuple[int, int], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for label in corpus.classes:
        for title in corpus.titles.get(label, ()):
            by_length[_length(title, pieces)][label].append(title)

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        if not pair.text.strip():
            return None
        own = _length(pair.text, pieces)
        nearest = sorted(by_length, key=lambda length: (abs(length[0] - own[0]), abs(length[1] - own[1]), length))
        found = (_of_any(by_length[length], pair, rng) for length in nearest)
        return next((edited for edited in found if edited is not None), None)

    return edit


def _length(text: str, pieces: Pieces) -> tuple[int, int]:
    return pieces.count(text), len(text.split())


def other_object(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """A text that names another thing of the picture, where regions are known and have names.

    In a known scene one of its captions (Plates: a dish; mosaics: a tile's class), else the bare name of a region that the text does not
    refer to. Not what has the name of the pair's class.
    """

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        others = [o for o in pair.objects if not o.referred and o.name != pair.label]
        known = [c for c in pair.captions if c.kind in _NAMING and c.referred in {o.index for o in others}]
        bare = [SceneCaption("class", spoken(o.name), o.index, spoken(o.name)) for o in others if spoken(o.name)]
        return choose(known if pair.captions else bare, rng)

    return edit


def _of_any(titles: Mapping[str, Sequence[str]], pair: Pair, rng: np.random.Generator) -> Edited | None:
    """A title of a class other than the pair's, drawn evenly over the classes that have a different title."""
    others = [label for label, own in titles.items() if own and label != pair.label]
    found = (
        _one([title for title in titles[others[place]] if title != pair.text], rng)
        for place in rng.permutation(len(others))
    )
    return next((edited for edited in found if edited is not None), None)


def _one(titles: list[str], rng: np.random.Generator) -> Edited | None:
    return Edited(titles[int(rng.integers(len(titles)))]) if titles else None
