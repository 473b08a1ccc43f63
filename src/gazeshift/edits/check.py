"""Whether a model can see an edit at all: texts that read as before, and texts that lose their end."""

from collections.abc import Sequence
from dataclasses import dataclass

from gazeshift.edits.pieces import Pieces


@dataclass(frozen=True)
class TextCheck:
    """What became of the texts of one edit.

    Attributes:
        texts: how many there are.
        missing: how many pairs the edit does not apply to.
        unchanged: how many the model reads as it reads the original.
        truncated: how many are longer than the model reads.
    """

    texts: int
    missing: int
    unchanged: int
    truncated: int


def check_texts(
    original: Sequence[str], edited: Sequence[str | None], pieces: Pieces, max_tokens: int | None
) -> TextCheck:
    """Count the texts of one edit that a model reads as before, and those that it cannot read to their end.

    Args:
        original: the pairs' own texts.
        edited: the changed ones, in the same order; None where the edit does not apply.
        pieces: the model's tokenizer.
        max_tokens: how many pieces the model reads, without the special tokens at the ends; None for no limit.

    Raises:
        ValueError: not as many changed texts as original ones.

    Example:
        >>> from gazeshift.edits.pieces import WholeWords
        >>> check_texts(["A pie", "a tart", "x"], ["a PIE", "a tart, red", None], WholeWords(), 2)
        TextCheck(texts=2, missing=1, unchanged=2, truncated=1)
    """
    both = [(before, after) for before, after in zip(original, edited, strict=True) if after is not None]
    return TextCheck(
        len(both),
        len(edited) - len(both),
        sum(reads_alike(before, after, pieces, max_tokens) for before, after in both),
        sum(is_truncated(after, pieces, max_tokens) for _, after in both),
    )


def reads_alike(before: str, after: str, pieces: Pieces, max_tokens: int | None = None) -> bool:
    """Whether two texts are the same pieces, up to where the model stops reading."""
    return before == after or pieces.split(before)[:max_tokens] == pieces.split(after)[:max_tokens]


def is_truncated(text: str, pieces: Pieces, max_tokens: int | None) -> bool:
    """Whether a text has more pieces than the model reads."""
    return max_tokens is not None and pieces.count(text) > max_tokens
