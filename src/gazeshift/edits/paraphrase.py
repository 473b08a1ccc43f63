"""Paraphrases, by rules that leave all words about the picture's content alone."""

import re

import numpy as np

from gazeshift.edits.edit import Corpus, Edited, TextEdit, choose
from gazeshift.edits.pieces import Pieces
from gazeshift.pairs import Pair, SceneCaption

_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(?<=\s)and(?=\s)", "&"),
        (r"(?<=\s)(?:&amp;|&)(?=\s)", "and"),  # only between spaces: M&M's is a name, and &eacute; a letter
        (r"(?<=\s)w/o(?=\s)", "without"),
        (r"(?<=\s)w/ ?(?=\w)", "with "),
        (r"(?<=\s)vs\.?(?=\s)", "versus"),
        (r"^recipes? for (?=\S)(.*\S)\s*$", r"\1 recipe"),
        (r"\brecipes\b", "recipe"),
        (r"\brecipe\b", "recipes"),
        (r"\bhow to make\b", "how to prepare"),
        (r"\bhow to prepare\b", "how to make"),
        (r"のレシピ", "の作り方"),
        (r"の作り方", "のレシピ"),
        (r"(?<=\S)\s+[-|–—:]+\s+(?=\S)", ", "),
        (r"(?<=\w)’(?=\w)", "'"),
        (r"(?<=\w)'(?=\w)", "’"),
    )
)
_CAPTION = re.compile(r"(?:an?|the|one|two|three|four|five|some|several|many)\s", re.IGNORECASE)
"""How a caption begins that says what is seen; a title names something."""
_KANA = re.compile(r"[\u3041-\u30ff]")


def paraphrase(corpus: Corpus, pieces: Pieces) -> TextEdit:
    """Paraphrase: in a known scene another wording of the same caption; otherwise the first rule whose change the model can read.

    The rules swap ``and`` and ``&``, ``w/`` and ``with``, ``vs`` and ``versus``, ``recipe`` and ``recipes``, ``recipe for x`` and
    ``x recipe``, ``make`` and ``prepare``, a separator and a comma, one apostrophe and another. A rule whose change the tokenizer does
    not show (its cleaning may drop the sign) is skipped. The last resort is ``a photo of`` before a caption, which begins with an article
    or a number, and ``how to make`` before any other text (in Japanese ``の作り方`` after it).

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> edit = paraphrase(Corpus({}, ()), WholeWords())
        >>> edit(Pair("a", b"", "Shrimp and Grits", "x", "test"), np.random.default_rng(0)).text
        'Shrimp & Grits'
    """

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        if pair.captions:
            return choose(_same(pair), rng)
        if not pair.text.strip():
            return None
        read = pieces.split(pair.text)
        changed = (pattern.sub(replacement, pair.text, count=1) for pattern, replacement in _RULES)
        other = (text for text in changed if text != pair.text and pieces.split(text) != read)
        return Edited(next(other, _prefixed(pair.text)))

    return edit


def _prefixed(text: str) -> str:
    """What can be said before, or after, any text of its kind."""
    if _KANA.search(text):
        return f"{text}の作り方"
    if _CAPTION.match(text):
        return f"a photo of {text[0].lower()}{text[1:]}"
    return f"how to make {text}"


def _same(pair: Pair) -> list[SceneCaption]:
    """Captions with the same content as the pair's own."""
    own = next((caption for caption in pair.captions if caption.text == pair.text), None)
    if own is None:
        return []
    said = (own.kind, own.content, own.referred)
    return [
        caption
        for caption in pair.captions
        if (caption.kind, caption.content, caption.referred) == said and caption.text != pair.text
    ]
