"""How a model reads the edited texts: as it reads the pair's own, or not to their end."""

from collections.abc import Sequence
from typing import Any

from gazeshift.edits import is_truncated, reads_alike
from gazeshift.models import TokenizerPieces


def with_reading(rows: Sequence[dict[str, Any]], pieces: TokenizerPieces | None) -> list[dict[str, Any]]:
    """Rows of measures with ``unchanged`` (the model reads the text as it reads the pair's own) and ``truncated``.

    Args:
        rows: of ``key``, ``edit`` and ``text``; ``original`` is there for each key.
        pieces: the model's tokenizer; None for a model that reads no text.
    """
    if pieces is None:
        return [row | {"unchanged": False, "truncated": False} for row in rows]
    own = {row["key"]: row["text"] for row in rows if row["edit"] == "original"}
    limit = pieces.limit
    return [
        row
        | {
            "unchanged": row["edit"] != "original" and reads_alike(own[row["key"]], row["text"], pieces, limit),
            "truncated": is_truncated(row["text"], pieces, limit),
        }
        for row in rows
    ]
