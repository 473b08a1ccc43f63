"""Edits of the words themselves: shuffled, replaced at random, the class's name swapped or hidden."""

import re

import numpy as np

from gazeshift.edits.edit import Corpus, Edited, TextEdit
from gazeshift.edits.pieces import Pieces
from gazeshift.names import HAN, KATAKANA, UNSPACED, contains_name, name_words, replace_names, spoken
from gazeshift.pairs import Pair

# Without spaces, a change of script is the closest thing to a word boundary.
_MARKS = r"\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef"  # of voice, of a letter's form: they stay with their letter
_RUNS = re.compile(
    "|".join(rf"(?:[{script}][{_MARKS}]*)+" for script in (KATAKANA, r"\u3041-\u309f", HAN, UNSPACED, f"^{UNSPACED}"))
)
_BARE = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_HAS_UNSPACED = re.compile(f"[{UNSPACED}]")
_FUNCTION_WORDS = re.compile(
    "a|al|alla|and|au|con|d|de|del|di|du|e|el|en|et|for|in|la|le|of|on|or|the|to|und|with|y", re.IGNORECASE
)


def split_words(text: str) -> tuple[list[str], str]:
    """The words of a text and what joins them: white space, or nothing in a text without spaces, which is split where its script changes.

    Example:
        >>> split_words("Best  apple pie"), split_words("簡単アップルパイ")
        ((['Best', 'apple', 'pie'], ' '), (['簡単', 'アップルパイ'], ''))
    """
    words = text.split()
    if len(words) == 1 and _HAS_UNSPACED.search(text):
        return _RUNS.findall(words[0]), ""
    return words, " "


def shuffle(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """The same words in another order; does not apply to a text whose words have only one order."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        words, joint = split_words(pair.text)
        folded = [word.casefold() for word in words]
        if len(set(folded)) < 2:
            return None
        order = rng.permutation(len(words))
        while [folded[place] for place in order] == folded:
            order = rng.permutation(len(words))
        return Edited(joint.join(words[place] for place in order))

    return edit


def random_words(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """The same number of words as the text has, drawn evenly from the distinct words of the training titles that the tokenizer knows.

    Punctuation at the edges of words is ignored: "Pie | Home" has two words.
    """
    found = {word for titles in corpus.titles.values() for title in titles for word in _bare_words(title)[0]}
    vocabulary = sorted(word for word in found if any(map(str.isalpha, word)) and pieces.knows(word))

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        words, joint = _bare_words(pair.text)
        if not words or not vocabulary:
            return None
        places = rng.integers(len(vocabulary), size=len(words))
        drawn = [vocabulary[place] for place in places]
        if drawn == words:  # the text itself: take the next word for the first
            drawn[0] = vocabulary[(places[0] + 1) % len(vocabulary)]
        return Edited(joint.join(drawn)) if joint.join(drawn) != pair.text else None

    return edit


def _bare_words(text: str) -> tuple[list[str], str]:
    words, joint = split_words(text)
    return [bare for word in words for bare in _BARE.findall(word.casefold())], joint


def class_swap(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """The class's own name in the text replaced by the name of another class; applies if the text contains the name.

    Names are found as in ``gazeshift.names.replace_names``, and written with the capitalisation of what they replace.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> edit = class_swap(Corpus({}, ("apple_pie", "lemon_tart")), WholeWords())
        >>> edit(Pair("a", b"", "Easy Apple Pies!", "apple_pie", "test"), np.random.default_rng(0)).text
        'Easy Lemon Tart!'
    """
    names = {label: spoken(label).casefold() for label in corpus.classes}

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        own = spoken(pair.label).casefold()
        others = [label for label, name in names.items() if name != own]
        if not others or not contains_name(pair.text, pair.label):
            return None
        other = others[int(rng.integers(len(others)))]
        text = replace_names(pair.text, [pair.label], lambda found: _capitals_of(found, spoken(other)))
        there = [scene_object.index for scene_object in pair.objects if scene_object.name == other]
        return Edited(text, there[0] if len(there) == 1 else None)

    return edit


def _capitals_of(found: str, name: str) -> str:
    if found.isupper() and len(found) > 1:
        return name.upper()
    return name.title() if found.istitle() else name


def mask(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """Every word of the class's name replaced by the tokenizer's mask, one by one and anywhere in the text.

    Small words of a name (``and``, ``of``) stay. Applies if the text contains at least one word of the name. With a tokenizer that
    has neither a mask token nor an unknown token, the words are left out.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> edit = mask(Corpus({}, ()), WholeWords())
        >>> edit(Pair("a", b"", "Pie of green apples", "apple_pie", "test"), np.random.default_rng(0)).text
        '[MASK] of green [MASK]'
    """

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        words = name_words(pair.label)
        content = [word for word in words if not _FUNCTION_WORDS.fullmatch(word)] or words
        names = [*content, "".join(words)]
        if not any(contains_name(pair.text, name) for name in names):
            return None
        text = replace_names(pair.text, names, lambda _: pieces.mask)
        return Edited(text if pieces.mask else " ".join(text.split()))

    return edit
