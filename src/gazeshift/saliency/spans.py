"""Parts of a text, named by their offsets or by what they say, and the text without some of them."""

from collections.abc import Sequence
from itertools import pairwise

from gazeshift.errors import UsageError
from gazeshift.scripts import word_spans

Span = tuple[int, int] | str
"""Start and end in the text, or a phrase that is in the text once."""


def find_spans(text: str, spans: Sequence[Span] | None = None) -> list[tuple[int, int]]:
    """Start and end of each part, in the order of the text; of every word if none is named.

    Args:
        text: the text.
        spans: offsets or phrases.

    Raises:
        UsageError: no part, a phrase that is not in the text or there twice, offsets outside of it, parts that overlap.

    Example:
        >>> find_spans("a red dog", ["red dog", (0, 1)])
        [(0, 1), (2, 9)]
    """
    if isinstance(spans, str):
        raise UsageError(f"spans={spans!r}: give a list of phrases or offsets: [{spans!r}].")
    found = sorted(word_spans(text) if spans is None else (_find(text, span) for span in spans))
    if not found:
        raise UsageError("word effects need a text with at least one word.")
    for (start, end), (following, last) in pairwise(found):
        if following < end:
            raise UsageError(
                f"the spans {text[start:end]!r} and {text[following:last]!r} overlap; name them one at a time."
            )
    return found


def without(text: str, removed: Sequence[tuple[int, int]], instead: str = "") -> str:
    """The text with parts replaced, and single spaces between what is left.

    Example:
        >>> without("a red dog", [(2, 5)])
        'a dog'
    """
    for start, end in sorted(removed, reverse=True):
        text = text[:start] + instead + text[end:]
    return " ".join(text.split())


def _find(text: str, span: Span) -> tuple[int, int]:
    if not isinstance(span, str):
        start, end = span
        if not 0 <= start < end <= len(text) or not text[start:end].strip():
            raise UsageError(f"span ({start}, {end}) holds nothing of a text of {len(text)} characters.")
        return start, end
    start = text.find(span)
    if not span.strip() or start < 0:
        raise UsageError(f"span {span!r} is not in the text {text!r}.")
    if text.find(span, start + 1) >= 0:
        raise UsageError(
            f"span {span!r} is in the text more than once; give offsets: ({start}, {start + len(span)}), or {start}:{start + len(span)} "
            "on the command line, are its first."
        )
    return start, start + len(span)
