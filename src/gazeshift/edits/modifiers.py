"""An added modifier: a colour, a position, a material or a nonsense word before the text; and the paper's own two texts."""

import numpy as np

from gazeshift.edits.edit import Corpus, EditBuilder, Edited, TextEdit, choose
from gazeshift.edits.pieces import Pieces
from gazeshift.pairs import Pair

PAPER_COLOUR = "red tomato ketchup"
PAPER_POSITION = "top left white plate"


def modifier(kind: str) -> EditBuilder:
    """Put a random word of a kind from the corpus's lexicon before the text, by the lexicon's template; a word not yet in the text.

    In a known scene: instead, a true caption by ``colour`` or ``position`` about the object that the pair's text refers to. Words
    unknown to the tokenizer are never used; if it knows none, the edit applies to no pair.

    Raises:
        ConfigError: the lexicon has no such kind; raised when the edit is built.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> edit = modifier("colour")(Corpus({}, ()), WholeWords())
        >>> edit(Pair("a", b"", "apple pie", "pie", "test"), np.random.default_rng(0)).text
        'sepia apple pie'
    """

    def build(corpus: Corpus, pieces: Pieces) -> TextEdit:
        words = [word for word in corpus.lexicon.words(kind) if pieces.knows(word)]

        def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
            if pair.captions and kind in {"colour", "position"}:
                return _from_scene(pair, kind, rng)
            there = set(pair.text.casefold().split())
            new = [word for word in words if word.casefold() not in there]
            return Edited(corpus.lexicon.phrase(new[int(rng.integers(len(new)))], pair.text)) if new else None

        return edit

    return build


def _from_scene(pair: Pair, kind: str, rng: np.random.Generator) -> Edited | None:
    """A true caption of a kind about the referred object, if the scene is known."""
    referred = {scene_object.index for scene_object in pair.objects if scene_object.referred}
    return choose([caption for caption in pair.captions if caption.kind == kind and caption.referred in referred], rng)


def verbatim(text: str) -> EditBuilder:
    """The same text for every image."""

    def build(corpus: Corpus, pieces: Pieces) -> TextEdit:
        return lambda pair, rng: Edited(text)

    return build
