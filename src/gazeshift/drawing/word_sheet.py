"""One picture of the effects of a text's words: the image and its map, the words in colour, and the maps without the strongest words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from gazeshift.drawing.coloured import Colour, ColouredWord, coloured_words, strongest_words, without
from gazeshift.drawing.fonts import STAND_IN, Typeface, typeface
from gazeshift.drawing.numbers import shown
from gazeshift.drawing.overlay import is_undefined, overlay
from gazeshift.drawing.remarks import CUT
from gazeshift.saliency import WordEffects

SHOWN = 8
"""How many words' maps are drawn, in addition to that of the whole text."""
TAKEN = {"leave-out": "without", "mask": "masked:"}
UNDEFINED = "hatched: no positive evidence"

_WIDTH, _MARGIN, _GAP = 1240, 24, 16
_PANEL = (_WIDTH - 2 * _MARGIN - 4 * _GAP) // 5
_BODY, _SMALL = 19, 14  # heights of letters
_LINE, _HEADING, _TITLE = (
    50,
    34,
    46,
)  # heights of a line of words with their numbers, of a heading, of a picture's caption
_SOFT = "#5a5f69"
_LONGEST = 40  # maximum number of drawn characters of a word


@dataclass(frozen=True)
class WordSheet:
    """The picture, and the characters that no font on this machine has."""

    image: Image.Image
    missing: str


@dataclass(frozen=True)
class _Placed:
    word: ColouredWord
    left: float
    top: float
    width: float


def word_sheet(
    crop: Image.Image, effects: WordEffects, how: str = "leave-out", count: int = SHOWN, *, cut: bool = False
) -> WordSheet:
    """Draw the effect of each word of a text on the logit and the map of a class.

    Args:
        crop: the image as the model sees it.
        effects: as ``word_effects`` gives them.
        how: how the words were removed.
        count: number of words whose maps are drawn.
        cut: whether the text is longer than the model reads; the picture says so.
    """
    words = coloured_words(effects)
    face = typeface([effects.text, effects.explained, STAND_IN])
    lines = _flow(words, face)
    block = _HEADING + _LINE * (1 + int(lines[-1].top // _LINE)) + _GAP
    chosen = strongest_words(effects, count)
    rows = -(-(2 + len(chosen)) // 5)
    missing = "".join(sorted(face.missing))
    notes = [CUT] if cut else []
    if missing:
        notes.append(f"{STAND_IN} replaces a character that no font on this machine has; write an .html page instead.")
    height = _MARGIN + 2 * block + rows * (_TITLE + _PANEL + _GAP) + _HEADING * len(notes) + _MARGIN
    sheet = Image.new("RGB", (_WIDTH, height), "white")
    draw = ImageDraw.Draw(sheet)
    top = _MARGIN
    logits = f"What each word adds to the logit of “{_cut(effects.explained)}”: green for the class, red against it"
    _words(draw, face, lines, top, logits, lambda word: (word.logit_colour, shown(word.logit, "signed")))
    bits = "How far its map moves when the word is removed: the bluer, the farther (Jensen–Shannon divergence, bits)"
    _words(draw, face, lines, top + block, bits, lambda word: (word.bits_colour, shown(word.bits, "bits")))
    top += 2 * block
    for place, (panel, title, note) in enumerate(_panels(crop, effects, words, chosen, how)):
        left, down = _MARGIN + place % 5 * (_PANEL + _GAP), top + place // 5 * (_TITLE + _PANEL + _GAP)
        face.draw(draw, (left, down), _fit(face, title, _SMALL), _SMALL)
        face.draw(draw, (left, down + 20), _fit(face, note, _SMALL), _SMALL, _SOFT)
        sheet.paste(panel, (left, down + _TITLE))
    for place, note in enumerate(reversed(notes)):
        face.draw(draw, (_MARGIN, height - _MARGIN - _BODY - place * _HEADING), note, _SMALL, _SOFT)
    return WordSheet(sheet, missing)


def _panels(
    crop: Image.Image, effects: WordEffects, words: Sequence[ColouredWord], chosen: Sequence[int], how: str
) -> list[tuple[Image.Image, str, str]]:
    """Pictures, each with its heading and a second, fainter line."""
    square = crop.convert("RGB").resize((_PANEL, _PANEL), Image.Resampling.LANCZOS)
    nothing = UNDEFINED if is_undefined(effects.whole) else ""
    panels = [(square, "the image", ""), (overlay(square, effects.whole), "map with the whole text", nothing)]
    for index in chosen:
        word, raw = words[index], without(effects, index)
        numbers = f"moved {shown(word.bits, 'bits')} bits"
        panels.append(
            (
                overlay(square, raw),
                f"{TAKEN[how]} “{_cut(word.text)}”",
                UNDEFINED if is_undefined(raw) else numbers,
            )
        )
    return panels


def _flow(words: Sequence[ColouredWord], face: Typeface) -> list[_Placed]:
    """Words from left to right in lines; each as wide as the word or the number under it."""
    space, left, top, placed = 10, 0.0, 0.0, list[_Placed]()
    for word in words:
        width = max(face.width(_cut(word.text), _BODY), face.width("+0.000", _SMALL)) + 10
        if left and left + width > _WIDTH - 2 * _MARGIN:
            left, top = 0.0, top + _LINE
        placed.append(_Placed(word, left, top, min(width, _WIDTH - 2 * _MARGIN)))
        left += width + space
    return placed


def _words(
    draw: ImageDraw.ImageDraw,
    face: Typeface,
    lines: Sequence[_Placed],
    top: float,
    heading: str,
    look: Callable[[ColouredWord], tuple[Colour, str]],
) -> None:
    face.draw(draw, (_MARGIN, top), _fit(face, heading, _SMALL, _WIDTH - 2 * _MARGIN), _SMALL, _SOFT)
    for each in lines:
        colour, number = look(each.word)
        left, line = _MARGIN + each.left, top + _HEADING - 6 + each.top
        draw.rounded_rectangle((left, line, left + each.width, line + _BODY + 8), 4, fill=colour)
        word = _cut(each.word.text)
        face.draw(draw, (left + (each.width - face.width(word, _BODY)) / 2, line + 2), word, _BODY)
        across = (each.width - face.width(number, _SMALL)) / 2
        face.draw(draw, (left + across, line + _BODY + 9), number, _SMALL, _SOFT)


def _cut(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"


def _fit(face: Typeface, text: str, pixels: int, width: float = _PANEL) -> str:
    """The text, shortened to a width."""
    if face.width(text, pixels) <= width:
        return text
    while text and face.width(f"{text}…", pixels) > width:
        text = text[:-1]
    return f"{text}…"
