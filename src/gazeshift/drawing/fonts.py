"""Text in a picture, in any language that this machine's fonts cover; missing characters are reported and drawn as squares."""

import functools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.ft2font import FT2Font
from PIL import ImageDraw, ImageFont

from gazeshift.drawing.numbers import visible

STAND_IN = "\u25a1"
"""An empty square replaces a character that no font has."""
_FIRST = "DejaVu Sans"  # comes with matplotlib
# These families cover whole scripts in one style; any other is tried after them.
_WIDE = (
    "Noto Sans CJK",
    "Noto Sans",
    "Source Han Sans",
    "IPA",
    "WenQuanYi",
    "Arial Unicode",
    "Hiragino",
    "Yu Gothic",
    "Droid",
)


@dataclass(frozen=True)
class Typeface:
    """Fonts for some texts.

    Scripts with joined letters, such as Arabic, need a Pillow built with Raqm; an HTML page is safer.

    Attributes:
        paths: font files; the first that has a character draws it.
        missing: characters that no font has.
    """

    paths: tuple[str, ...]
    missing: frozenset[str]

    def width(self, text: str, pixels: int) -> float:
        """The drawn width of a text."""
        return sum(_font(path, pixels).getlength(part) for path, part in self._runs(text))

    def fitted(self, text: str, pixels: int, width: float) -> str:
        """The text, shortened to a width."""
        if self.width(text, pixels) <= width:
            return text
        while text and self.width(f"{text}…", pixels) > width:
            text = text[:-1]
        return f"{text}…"

    def draw(
        self, on: ImageDraw.ImageDraw, place: tuple[float, float], text: str, pixels: int, colour: str = "#1c1e22"
    ) -> None:
        """Draw a text that starts at a point; all fonts share the same baseline."""
        left, top = place
        base = top + _font(self.paths[0], pixels).getmetrics()[0]
        for path, part in self._runs(text):
            font = _font(path, pixels)
            on.text((left, base), part, fill=colour, font=font, anchor="ls")
            left += font.getlength(part)

    def _runs(self, text: str) -> list[tuple[str, str]]:
        """Runs of the text drawn by one font."""
        drawn = "".join(STAND_IN if character in self.missing else character for character in visible(text))
        return [(path, "".join(part)) for path, part in groupby(drawn, key=self._path_of)]

    def _path_of(self, character: str) -> str:
        return next((path for path in self.paths if character in _characters(path)), self.paths[0])


def typeface(texts: Iterable[str]) -> Typeface:
    """Find fonts for texts in any language, as few as possible.

    Example:
        >>> typeface(["Cr\u00e8me br\u00fbl\u00e9e"]).missing
        frozenset()
    """
    paths = [_entry(_FIRST).fname]
    wanted = {c for text in texts for c in visible(text) if not c.isspace()} - _characters(paths[0])
    # Marks that only change how a neighbour is drawn, such as joiners, are not missed.
    wanted = {c for c in wanted if unicodedata.category(c) not in {"Cf", "Mn"}}
    for entry in _candidates() if wanted else ():
        here = wanted & _characters(entry.fname)
        if here:
            paths.append(entry.fname)
            wanted -= here
        if not wanted:
            break
    return Typeface(tuple(paths), frozenset(wanted))


@functools.lru_cache(maxsize=64)
def _font(path: str, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, pixels)


def _entry(family: str) -> FontEntry:
    return next(entry for entry in fontManager.ttflist if entry.name == family and _upright(entry))


def _candidates() -> list[FontEntry]:
    """Upright fonts, one for each family, those that cover whole scripts first."""
    entries = {entry.name: entry for entry in fontManager.ttflist if _upright(entry)}

    def order(entry: FontEntry) -> tuple[int, str]:
        return next((place for place, name in enumerate(_WIDE) if entry.name.startswith(name)), len(_WIDE)), entry.name

    return sorted(entries.values(), key=order)


def _upright(entry: FontEntry) -> bool:
    # The last-resort font has a picture of the script for every character, so none of its characters is readable.
    return (
        not entry.name.startswith("Last Resort")
        and entry.style == "normal"
        and str(entry.weight) in {"400", "normal", "regular", "book"}
    )


@functools.lru_cache(maxsize=256)
def _characters(path: str) -> frozenset[str]:
    """What an outline font can draw; nothing for bitmap fonts (coloured emoji), which cannot be scaled."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
