"""Edits of texts: pure functions from a pair to a changed text. One dict of them."""

from collections.abc import Callable

from gazeshift.edits.edit import Corpus, Edited, TextEdit, random_for
from gazeshift.edits.titles import empty, original, other_class, other_object, paraphrase, same_class
from gazeshift.edits.words import PAPER_COLOUR, PAPER_POSITION, colour, paper_colour, paper_position, position

EDITS: dict[str, Callable[[Corpus], TextEdit]] = {
    "original": original,
    "paraphrase": paraphrase,
    "colour": colour,
    "position": position,
    "paper-colour": paper_colour,
    "paper-position": paper_position,
    "same-class": same_class,
    "other-class": other_class,
    "other-object": other_object,
    "empty": empty,
}

__all__ = ["EDITS", "PAPER_COLOUR", "PAPER_POSITION", "Corpus", "Edited", "TextEdit", "random_for"]
