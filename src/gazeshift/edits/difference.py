"""Which words two texts differ in."""

import string
from dataclasses import dataclass
from difflib import SequenceMatcher

from gazeshift.edits.words import split_words

_AROUND = string.punctuation + "“”‘’«»„…–—。、！？「」"


@dataclass(frozen=True)
class Difference:
    """What one text has in place of another's words.

    Attributes:
        before: the words of the first text that the second does not have there.
        after: the words of the second that the first does not have there.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


def changed_words(first: str, second: str) -> Difference:
    """The words in which two texts differ, by the longest common runs of words (Ratcliff and Obershelp); case and punctuation do not count.

    Example:
        >>> changed_words("A black cat sleeps.", "A white cat sleeps.")
        Difference(before=('black',), after=('white',))
    """
    old, new = (_words(text) for text in (first, second))
    spans = [span for span in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if span[0] != "equal"]
    before = [word for _, start, end, _, _ in spans for word in old[start:end]]
    after = [word for _, _, _, start, end in spans for word in new[start:end]]
    return Difference(tuple(before), tuple(after))


def _words(text: str) -> list[str]:
    bare = (word.casefold().strip(_AROUND) for word in split_words(text)[0])
    return [word for word in bare if word]
