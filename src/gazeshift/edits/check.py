"""Whether a model can see an edit at all: texts that read as before, and texts that lose their end."""

from gazeshift.edits.pieces import Pieces


def reads_alike(before: str, after: str, pieces: Pieces, max_tokens: int | None = None) -> bool:
    """Whether two texts are the same pieces, up to where the model stops reading."""
    return before == after or pieces.split(before)[:max_tokens] == pieces.split(after)[:max_tokens]


def is_truncated(text: str, pieces: Pieces, max_tokens: int | None) -> bool:
    """Whether a text has more pieces than the model reads."""
    return max_tokens is not None and pieces.count(text) > max_tokens
