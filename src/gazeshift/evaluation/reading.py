"""How a model reads the edited texts: exactly as the pair's own, or truncated."""

import pandas as pd

from gazeshift.edits import is_truncated, reads_alike
from gazeshift.models import TokenizerPieces


def with_reading(measures: pd.DataFrame, pieces: TokenizerPieces | None) -> pd.DataFrame:
    """Measures with ``unchanged`` (the model reads the text as it reads the pair's own) and ``truncated``.

    Args:
        measures: a table with ``key``, ``edit`` and ``text``, including ``original`` for each key.
        pieces: the model's tokenizer; None for a model that reads no text.
    """
    if pieces is None:
        return measures.assign(unchanged=False, truncated=False)
    limit = pieces.limit
    columns = measures[["key", "edit", "text"]].to_numpy(str)
    own = {key: text for key, edit, text in columns if edit == "original"}
    return measures.assign(
        unchanged=[edit != "original" and reads_alike(own[key], text, pieces, limit) for key, edit, text in columns],
        truncated=[is_truncated(text, pieces, limit) for _, _, text in columns],
    )
