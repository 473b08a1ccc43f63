"""Text edits: built once from a corpus and a tokenizer, then a pure function of a pair and random numbers."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gazeshift.edits.lexicon import Lexicon, shipped
from gazeshift.edits.pieces import Pieces
from gazeshift.pairs import Pair, SceneCaption


@dataclass(frozen=True)
class Edited:
    """A changed text.

    Attributes:
        text: the new text.
        refers: index of the scene's object that the new text refers to, if known.
    """

    text: str
    refers: int | None = None


TextEdit = Callable[[Pair, np.random.Generator], Edited | None]
"""An edit: returns the changed text, or None where it does not apply to a pair (which is counted, never hidden)."""


@dataclass(frozen=True)
class Corpus:
    """What edits may draw from: the training texts (never the test texts) and a lexicon.

    Attributes:
        titles: non-empty texts by class.
        classes: class names in the model's order.
        lexicon: modifiers, by default the shipped English ones.
    """

    titles: Mapping[str, tuple[str, ...]]
    classes: tuple[str, ...]
    lexicon: Lexicon = field(default_factory=lambda: shipped("english"))

    @classmethod
    def of(cls, pairs: Iterable[Pair], classes: tuple[str, ...], lexicon: Lexicon | None = None) -> "Corpus":
        """The corpus of training pairs.

        Example:
            >>> Corpus.of([Pair("a", b"", "apple pie", "pie", "train")], ("pie",)).titles["pie"]
            ('apple pie',)
        """
        titles: dict[str, list[str]] = defaultdict(list)
        for pair in pairs:
            if pair.text.strip():
                titles[pair.label].append(pair.text)
        return cls({label: tuple(texts) for label, texts in titles.items()}, classes, lexicon or shipped("english"))


EditBuilder = Callable[[Corpus, Pieces], TextEdit]
"""Makes an edit, once per study."""


@dataclass(frozen=True)
class Edit:
    """An edit by its name in a study: called with a corpus and a tokenizer's pieces, it makes the edit.

    Attributes:
        build: makes the edit.
        description: what its texts are, in a few words, as the report tells it beside the name.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> upper = Edit(lambda corpus, pieces: lambda pair, rng: Edited(pair.text.upper()), "the text in capitals")
        >>> upper(Corpus({}, ()), WholeWords())(Pair("a", b"", "pie", "pie", "test"), random_for("upper", "a")).text
        'PIE'
    """

    build: EditBuilder
    description: str

    def __call__(self, corpus: Corpus, pieces: Pieces) -> TextEdit:
        """Make the edit."""
        return self.build(corpus, pieces)


def choose(captions: Sequence[SceneCaption], rng: np.random.Generator) -> Edited | None:
    """One of some captions, or None if there is none."""
    if not captions:
        return None
    caption = captions[int(rng.integers(len(captions)))]
    return Edited(caption.text, caption.referred)


def random_for(edit: str, key: str, seed: int = 0) -> np.random.Generator:
    """The random generator of one edit of one pair: the same in every process and for any order of the pairs.

    Example:
        >>> int(random_for("colour", "a.jpg").integers(1000)) == int(random_for("colour", "a.jpg").integers(1000))
        True
    """
    return np.random.default_rng([seed, *hashlib.sha256(f"{edit}\0{key}".encode()).digest()[:16]])
