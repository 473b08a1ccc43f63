"""Where the words come from that may stand in place of others: given, from a lexicon, or from a corpus. One dict of the sources."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gazeshift.edits import find_lexicon
from gazeshift.errors import DataError, UsageError
from gazeshift.evaluation.smallest.changes import core
from gazeshift.registry import lookup
from gazeshift.scripts import word_spans

TOP = 1000
"""How many words of a corpus are taken by default, the most frequent ones."""

Substitutes = Sequence[str] | Mapping[str, Any]
"""Words, or by name of a source what it takes: ``{"lexicon": "colour", "corpus": "titles.txt"}``."""


def given(said: str | Iterable[str], top: int = TOP) -> tuple[str, ...]:
    """Words or phrases as a list, or separated by commas.

    Example:
        >>> given("red, dark blue,")
        ('red', 'dark blue')
    """
    parts = said.split(",") if isinstance(said, str) else said
    return tuple(word for part in parts if (word := " ".join(str(part).split())))


def from_lexicon(said: str | Iterable[str], top: int = TOP) -> tuple[str, ...]:
    """The words of kinds of a lexicon: ``colour`` (the English one), ``japanese:colour``, ``FILE.yaml:colour``.

    Raises:
        ConfigError: no such lexicon, or no such kind in it.

    Example:
        >>> from_lexicon("plates:position")
        ('left', 'right', 'top', 'bottom')
    """
    found: list[str] = []
    for each in given(said):
        name, _, kind = each.rpartition(":")
        found += find_lexicon(name or "english").words(kind)
    return tuple(found)


def from_corpus(said: str | Path | Iterable[str], top: int = TOP) -> tuple[str, ...]:
    """The most frequent words of some texts, or of a text file with a text on each line.

    Words are in lower case, without the punctuation at their edges, and have at least one letter; among equally frequent ones the
    alphabet decides.

    Raises:
        DataError: a file that is not there, or is no text.

    Example:
        >>> from_corpus(["A pie, a tart", "the pie"], top=2)
        ('a', 'pie')
    """
    counts = Counter[str]()
    for text in _lines(Path(said)) if isinstance(said, str | Path) else said:
        counts.update(_words(text))
    return tuple(sorted(counts, key=lambda word: (-counts[word], word))[:top])


SOURCES: dict[str, Callable[[Any, int], tuple[str, ...]]] = {
    "words": given,
    "lexicon": from_lexicon,
    "corpus": from_corpus,
}
"""By name, what turns what was said, and how many words to take of a corpus, into words."""


def gather(substitutes: Substitutes, top: int = TOP) -> tuple[str, ...]:
    """The words of all sources, each once, in their order.

    Raises:
        UsageError: an unknown source, or one that gives no word.
        ConfigError, DataError: a source that cannot be read.

    Example:
        >>> gather({"words": ["left", "near"], "lexicon": "plates:position"})
        ('left', 'near', 'right', 'top', 'bottom')
    """
    if top < 1:
        raise UsageError(f"top={top}: take at least one word of a corpus.")
    named = substitutes if isinstance(substitutes, Mapping) else {"words": substitutes} if substitutes else {}
    found: list[str] = []
    for name, said in named.items():
        words = lookup(SOURCES, name, "source of substitutes")(said, top)
        if not words:
            raise UsageError(f"substitutes from {name!r}: there is no word in it.")
        found += words
    return tuple(dict.fromkeys(found))


def _words(text: str) -> Iterable[str]:
    for place in word_spans(text):
        word = text[slice(*core(text, *place))].casefold()
        if any(map(str.isalpha, word)):
            yield word


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DataError(f"{file}: no such text file; give one with a text on each line.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as text in UTF-8 ({error}).") from error
