"""Edits of texts: pure functions from a pair to a changed text, and modifiers crossed with images. One dict of the edits."""

from gazeshift.edits.check import is_truncated, reads_alike
from gazeshift.edits.column import ColumnTexts, column_edit
from gazeshift.edits.covariates import word_use
from gazeshift.edits.edit import Corpus, Edit, Edited, random_for
from gazeshift.edits.lexicon import BARE, find_lexicon, shipped
from gazeshift.edits.modifiers import PAPER_COLOUR, PAPER_POSITION, modifier, verbatim
from gazeshift.edits.paraphrase import paraphrase
from gazeshift.edits.pieces import Pieces, WholeWords
from gazeshift.edits.templates import MatchedModifiers, ModifiedText, crossed_texts, matched_modifiers
from gazeshift.edits.titles import empty, original, other_class, other_class_same_length, other_object, same_class
from gazeshift.edits.words import class_swap, mask, random_words, shuffle

_LEXICON = {
    "colour": "a text about colour",
    "material": "a material before the text",
    "nonsense": "a nonsense word before the text",
    "position": "a text about position",
}
LEXICON_EDITS = frozenset(_LEXICON)
"""The edits that put a word from a lexicon before the text, named after the kind of word; the lexicon must have that kind."""

EDITS: dict[str, Edit] = {
    "original": Edit(original, "the pair’s own text"),
    "paraphrase": Edit(paraphrase, "the same in other words: the noise floor"),
    "shuffle": Edit(shuffle, "the same words in another order"),
    "same-class": Edit(same_class, "another title of the same class"),
    "other-class-same-length": Edit(other_class_same_length, "a title of another class, of the same length"),
    "random-words": Edit(random_words, "the same number of random words"),
    "empty": Edit(empty, "no text"),
    "other-class": Edit(other_class, "a title of another class"),
    "class-swap": Edit(class_swap, "another class’s name in place of its own"),
    "mask": Edit(mask, "the words that name the class hidden"),
    "other-object": Edit(other_object, "names another thing of the scene"),
    **{kind: Edit(modifier(kind), description) for kind, description in _LEXICON.items()},
    "paper-colour": Edit(verbatim(PAPER_COLOUR), f"the paper’s colour text for every picture, “{PAPER_COLOUR}”"),
    "paper-position": Edit(
        verbatim(PAPER_POSITION), f"the paper’s position text for every picture, “{PAPER_POSITION}”"
    ),
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

NULLS = ("shuffle", "nonsense")
"""Edits that, like a paraphrase, should move nothing (claim C5): the same words in another order, and a made-up word before the text."""

SAME_MEANING = FLOORS[:4]
"""The floors that say what the own text says, itself among them: its class is still the right answer. The others say something else, or
nothing, and their share is no noise."""

__all__ = [
    "BARE",
    "EDITS",
    "FLOORS",
    "LEXICON_EDITS",
    "NULLS",
    "SAME_MEANING",
    "ColumnTexts",
    "Corpus",
    "Edited",
    "MatchedModifiers",
    "ModifiedText",
    "Pieces",
    "WholeWords",
    "column_edit",
    "crossed_texts",
    "find_lexicon",
    "is_truncated",
    "matched_modifiers",
    "random_for",
    "reads_alike",
    "shipped",
    "word_use",
]
