"""What a study says of the user's own columns of changed texts: how many there are, and what they change."""

from collections import Counter
from collections.abc import Sequence

from gazeshift.edits import ColumnTexts
from gazeshift.edits.difference import changed_words
from gazeshift.pairs import Pair
from gazeshift.runs.summary import ColumnFacts

SHOWN = 5
"""The most frequent changes of words that are told."""


def column_facts(texts: ColumnTexts, pairs: Sequence[Pair]) -> ColumnFacts:
    """What the column holds for the explained pairs.

    Args:
        texts: the column.
        pairs: the explained pairs.

    Example:
        >>> pairs = [Pair(key, b"", "a red car", "car", "test", further=(("false", "a blue car"),)) for key in "ab"]
        >>> column_facts(ColumnTexts("false", "false-colour"), pairs).changed
        (('red', 'blue', 2),)
    """
    further = ((pair.text, pair.further_text(texts.column)) for pair in pairs)
    found = [(own, other) for own, other in further if other is not None and other != own]
    changes = (changed_words(own, other) for own, other in found)
    counts = Counter((" ".join(change.before), " ".join(change.after)) for change in changes)
    return ColumnFacts(
        column=texts.column,
        description=texts.description,
        texts=len(found),
        without=len(pairs) - len(found),
        changed=tuple((before, after, count) for (before, after), count in counts.most_common(SHOWN) if count > 1),
    )
