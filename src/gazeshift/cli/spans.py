"""Parts of a text named on the command line."""

import re
from collections.abc import Sequence

from gazeshift.saliency.spans import Span

_OFFSETS = re.compile(r"(\d+):(\d+)")


def spans_of(text: str, given: Sequence[str]) -> list[Span] | None:
    """Phrases, or offsets ``START:END`` (unless the text says just that); None, for every word, if there are none.

    Example:
        >>> spans_of("a red dog", ["red dog", "0:1"]), spans_of("at 9:30", ["9:30"]), spans_of("a", [])
        (['red dog', (0, 1)], ['9:30'], None)
    """
    return [_span(text, each) for each in given] or None


def _span(text: str, given: str) -> Span:
    offsets = None if given in text else _OFFSETS.fullmatch(given)
    return given if offsets is None else (int(offsets[1]), int(offsets[2]))
