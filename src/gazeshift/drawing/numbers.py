"""How numbers are shown: rounded for people, with the exact value for programs."""

import math
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from gazeshift.registry import lookup

NOTHING = "–"


def number_or_none(value: Any) -> float | None:
    """A finite float, or None for everything that is not a number.

    Example:
        >>> number_or_none(float("nan")) is None, number_or_none(1)
        (True, 1.0)
    """
    if value is None or isinstance(value, str):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def exact(value: float) -> str:
    """The shortest text that reads back as the same number, as in the CSV tables.

    Example:
        >>> exact(0.1)
        '0.1'
    """
    return repr(float(value))


def _fixed(value: float, digits: int, sign: str = "") -> str:
    # Rounding first keeps a "-0.00" from being shown; the true minus sign is as wide as a plus.
    text = f"{round(value, digits) + 0.0:{sign}.{digits}f}"
    return text.replace("-", "−")


KINDS: dict[str, Callable[[float], str]] = {
    "percent": lambda value: _fixed(100 * value, 1) + "\u00a0%",
    "points": lambda value: _fixed(100 * value, 1, "+"),
    "signed": lambda value: _fixed(value, 3, "+"),
    "bits": lambda value: _fixed(value, 3),
    "index": lambda value: _fixed(value, 2),
    "tenths": lambda value: _fixed(value, 1),
    "probability": lambda value: "< 0.001" if value < 0.001 else _fixed(value, 3),
    "times": lambda value: _fixed(value, 2),
    "seconds": lambda value: (
        f"{value:,.1f}\u00a0s" if value < 60 else f"{int(value // 60):,} min {int(value % 60):02d} s"
    ),
}


def shown(value: Any, kind: str) -> str:
    r"""A number for people; a dash if there is none.

    Example:
        >>> shown(0.8523, "percent"), shown(-0.0001, "signed"), shown(None, "bits")
        ('85.2\xa0%', '+0.000', '–')
    """
    number = number_or_none(value)
    return NOTHING if number is None else lookup(KINDS, kind, "number format")(number)


def signed_numbers(values: Iterable[float]) -> Callable[[float], str]:
    """How numbers of one table are shown with their sign: as many decimals as give the largest three digits, 3 to 7.

    Example:
        >>> show = signed_numbers([0.00042, -0.00001])
        >>> show(0.00042), show(-0.00001), show(float("nan"))
        ('+0.000420', '−0.000010', '–')
    """
    known = [abs(value) for value in map(float, values) if math.isfinite(value)]
    largest = max(known, default=0.0)
    digits = 3 if largest == 0 else min(7, max(3, 2 - math.floor(math.log10(largest))))
    return lambda value: _fixed(value, digits, "+") if math.isfinite(value) else NOTHING


def visible(text: Any) -> str:
    r"""Text from the data, with characters that a page cannot hold made visible: controls and lone surrogates.

    Example:
        >>> visible("a\x00b 寿司")
        'a\ufffdb 寿司'
    """
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\r\n" else c for c in str(text))


def clipped(text: Any, most: int = 600) -> str:
    """Text truncated to a length, with the number of characters left out.

    Example:
        >>> clipped("abcdef", most=4)
        'abcd… (2 more characters)'
    """
    text = visible(text)
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def language(text: str) -> str | None:
    """``ja`` for a text with kana, so that a browser uses Japanese glyphs; else None.

    Example:
        >>> language("お寿司"), language("sushi")
        ('ja', None)
    """
    return "ja" if any("\u3040" <= c <= "\u30ff" for c in text) else None
