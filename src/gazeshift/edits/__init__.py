"""Edits of texts: pure functions from a pair to a changed text, and modifiers crossed with images. One dict of the edits."""

from gazeshift.edits.check import is_truncated, reads_alike
from gazeshift.edits.covariates import word_use
from gazeshift.edits.edit import Corpus, EditBuilder, Edited, random_for
from gazeshift.edits.lexicon import BARE, find_lexicon, shipped
from gazeshift.edits.modifiers import PAPER_COLOUR, PAPER_POSITION, modifier, verbatim
from gazeshift.edits.paraphrase import paraphrase
from gazeshift.edits.pieces import Pieces, WholeWords
from gazeshift.edits.templates import MatchedModifiers, ModifiedText, crossed_texts, matched_modifiers
from gazeshift.edits.titles import empty, original, other_class, other_class_same_length, other_object, same_class
from gazeshift.edits.words import class_swap, mask, random_words, shuffle

LEXICON_EDITS = frozenset({"colour", "position", "material", "nonsense"})
"""The edits that put a word from a lexicon before the text, named after the kind of word; the lexicon must have that kind."""

EDITS: dict[str, EditBuilder] = {
    "original": original,
    "paraphrase": paraphrase,
    "shuffle": shuffle,
    "same-class": same_class,
    "other-class-same-length": other_class_same_length,
    "random-words": random_words,
    "empty": empty,
    "other-class": other_class,
    "class-swap": class_swap,
    "mask": mask,
    "other-object": other_object,
    **{kind: modifier(kind) for kind in sorted(LEXICON_EDITS)},
    "paper-colour": verbatim(PAPER_COLOUR),
    "paper-position": verbatim(PAPER_POSITION),
}

FLOORS = (
    "original",
    "paraphrase",
    "shuffle",
    "same-class",
    "other-class-same-length",
    "random-words",
    "empty",
)
"""The edits that are noise floors, from the text itself, which must move nothing, to no text; a shift is the excess over one of them."""

SAME_MEANING = FLOORS[:4]
"""The floors that say what the own text says, itself among them: its class is still the right answer. The others say something else, or
nothing, and their share is no noise."""

__all__ = [
    "BARE",
    "EDITS",
    "FLOORS",
    "LEXICON_EDITS",
    "PAPER_COLOUR",
    "PAPER_POSITION",
    "SAME_MEANING",
    "Corpus",
    "Edited",
    "MatchedModifiers",
    "ModifiedText",
    "Pieces",
    "WholeWords",
    "crossed_texts",
    "find_lexicon",
    "is_truncated",
    "matched_modifiers",
    "random_for",
    "reads_alike",
    "shipped",
    "word_use",
]
