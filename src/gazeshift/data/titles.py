"""What leaks through titles: class names that stand in them, and titles that occur more than once."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from gazeshift.data.findings import Finding
from gazeshift.pairs import Pair

_ORDER = {"test": 0, "validation": 1, "train": 2}


def normalise_title(text: str) -> str:
    """The title as it is compared: case, accents, punctuation and white space do not count.

    Example:
        >>> normalise_title("Crème Brûlée -- Recipe!")
        'creme brulee recipe'
    """
    bare = _without_accents(unicodedata.normalize("NFKC", text)).casefold()
    # Letters, marks and numbers: the vowels of many scripts are marks.
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in bare)
    return " ".join(words.split())


def title_contains_class(text: str, label: str) -> bool:
    """Whether the class name stands in the text, in any of the forms that ``mask_class_names`` masks.

    Example:
        >>> title_contains_class("Grandma's Apple Pies", "apple_pie")
        True
        >>> title_contains_class("Pineapple piece", "apple_pie")
        False
    """
    return _pattern((label,)).search(_without_accents(unicodedata.normalize("NFC", text))) is not None


def mask_class_names(text: str, classes: Sequence[str], mask: str = "[MASK]") -> str:
    """The text with every class name replaced by ``mask``.

    A class name matches as whole words, in any case, with or without accents, its words apart by spaces, hyphens,
    underscores or nothing, its last word singular or plural (s, es, y / ies). Single words of a name are left alone.
    Longer names come first: with classes ``pie`` and ``apple_pie``, "apple pie" is masked once.

    Example:
        >>> mask_class_names("Best Apple-Pies and churro recipes", ["apple_pie", "churros"])
        'Best [MASK] and [MASK] recipes'
    """
    text = unicodedata.normalize("NFC", text)
    pieces, end = [], 0
    for match in _pattern(tuple(classes)).finditer(_without_accents(text)):
        pieces += [text[end : match.start()], mask]
        end = match.end()
    return "".join([*pieces, text[end:]])


def drop_repeated_titles(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Finding]]:
    """Keep each title once: in the test split if it occurs there, else in validation, else in training.

    So no training title recurs in validation or test. Pairs without text have no title and stay.

    Returns:
        The kept pairs in their order, and one finding for each that was dropped.

    Example:
        >>> pairs = [Pair("a", b"x", "A Pie", "pie", "train"), Pair("b", b"x", "a pie!", "pie", "test")]
        >>> kept, dropped = drop_repeated_titles(pairs)
        >>> [pair.key for pair in kept], dropped[0].detail
        (['b'], 'same title as b (test)')
    """
    first: dict[str, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: _ORDER[pair.split]):  # sorted is stable
        first.setdefault(normalise_title(pair.text) or f"\0{pair.key}", pair)
    kept_keys = {pair.key for pair in first.values()}
    kept = [pair for pair in pairs if pair.key in kept_keys]
    dropped = [_dropped(pair, first[normalise_title(pair.text)]) for pair in pairs if pair.key not in kept_keys]
    return kept, dropped


def _dropped(pair: Pair, other: Pair) -> Finding:
    return Finding("repeated title", pair.key, f"same title as {other.key} ({other.split})")


@lru_cache(maxsize=512)
def _pattern(classes: tuple[str, ...]) -> re.Pattern[str]:
    names = sorted({" ".join(_words(name)) for name in classes}, key=len, reverse=True)
    forms = "|".join(
        r"[\W_]*".join((*words[:-1], _number_forms(words[-1]))) for name in names if (words := name.split())
    )
    return re.compile(rf"(?<![^\W_])(?:{forms or '(?!)'})(?![^\W_])", re.IGNORECASE)


def _words(name: str) -> list[str]:
    return [re.escape(word) for word in re.findall(r"[^\W_]+", _without_accents(unicodedata.normalize("NFC", name)))]


def _number_forms(word: str) -> str:
    """The word in singular and plural, as alternatives of a pattern; over-generous rather than a grammar."""
    forms = {word, f"{word}s", f"{word}es"}
    if word.endswith("y"):
        forms.add(f"{word[:-1]}ies")
    if word.endswith("ies"):
        forms.add(f"{word[:-3]}y")
    if word.endswith("es") and len(word) > 4:
        forms.add(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        forms.add(word[:-1])
    return f"(?:{'|'.join(sorted(forms, key=len, reverse=True))})"


def _without_accents(text: str) -> str:
    """The text with accented letters replaced by their bare ones; every character keeps its place."""
    return "".join(map(_bare, text))


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() else character  # Latin alone: a Korean syllable is more than its first letter


def share_with_class_name(pairs: Iterable[Pair]) -> float | None:
    """Share of titles that contain their own class name; None where no pair has a text."""
    titled = [pair for pair in pairs if pair.text]
    return sum(title_contains_class(pair.text, pair.label) for pair in titled) / len(titled) if titled else None
