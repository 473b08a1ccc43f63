"""What leaks through titles: class names in titles, and titles that occur more than once."""

import unicodedata
from collections.abc import Iterable, Sequence

from gazeshift.data.findings import Finding
from gazeshift.names import contains_name, replace_names, without_accents
from gazeshift.pairs import Pair

_ORDER = {"test": 0, "validation": 1, "train": 2}


def normalise_title(text: str) -> str:
    """The title in a form for comparison, without case, accents, punctuation and white space.

    Example:
        >>> normalise_title("Crème Brûlée -- Recipe!")
        'creme brulee recipe'
    """
    bare = without_accents(unicodedata.normalize("NFKC", text)).casefold()
    # Letters, marks and numbers: the vowels of many scripts are marks.
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in bare)
    return " ".join(words.split())


def title_contains_class(text: str, label: str) -> bool:
    """Whether the text contains the class name, in any of the forms that ``mask_class_names`` masks.

    Example:
        >>> title_contains_class("Grandma's Apple Pies", "apple_pie")
        True
        >>> title_contains_class("Pineapple piece", "apple_pie")
        False
    """
    return contains_name(text, label)


def mask_class_names(text: str, classes: Sequence[str], mask: str = "[MASK]") -> str:
    """The text with every class name replaced by ``mask`` (in the forms listed by ``gazeshift.names.replace_names``).

    Example:
        >>> mask_class_names("Best Apple-Pies and churro recipes", ["apple_pie", "churros"])
        'Best [MASK] and [MASK] recipes'
    """
    return replace_names(text, classes, lambda _: mask)


def drop_repeated_titles(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Finding]]:
    """Keep each title once: in the test split if it occurs there, else in validation, else in training.

    So no training title recurs in validation or test. Pairs without text have no title and stay.

    Returns:
        The kept pairs in order, and one finding for each pair that was dropped.

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


def share_with_class_name(pairs: Iterable[Pair]) -> float | None:
    """Share of titles that contain their own class name; None if no pair has a text."""
    titled = [pair for pair in pairs if pair.text]
    return sum(title_contains_class(pair.text, pair.label) for pair in titled) / len(titled) if titled else None
