"""Whether a model can see an edit at all: texts that tokenize as before, and texts that are truncated."""

from gazeshift.edits.pieces import Pieces


def reads_alike(before: str, after: str, pieces: Pieces, max_tokens: int | None = None) -> bool:
    """Whether two texts have the same pieces, up to the model's limit."""
    return before == after or pieces.split(before)[:max_tokens] == pieces.split(after)[:max_tokens]


def is_truncated(text: str, pieces: Pieces, max_tokens: int | None) -> bool:
    """Whether a text has more pieces than the model reads."""
    return max_tokens is not None and pieces.count(text) > max_tokens
