"""One picture of the effects of a text's words: the image and its map, the words in colour, and the maps without the strongest words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from gazeshift.drawing.coloured import Colour, ColouredWord, coloured_words, strongest_words, without
from gazeshift.drawing.fonts import STAND_IN, Typeface, typeface
from gazeshift.drawing.numbers import shown
from gazeshift.drawing.overlay import is_undefined, overlay
from gazeshift.drawing.remarks import CUT
from gazeshift.drawing.sheet import BODY, COLUMNS, GAP, MARGIN, PANEL, SMALL, SOFT, WIDTH, Sheet, shortened, within
from gazeshift.saliency import WordEffects

SHOWN = 8
"""How many words' maps are drawn, in addition to that of the whole text."""
TAKEN = {"leave-out": "without", "mask": "masked:"}
UNDEFINED = "hatched: no positive evidence"

_LINE, _HEADING, _TITLE = (
    50,
    34,
    46,
)  # heights of a line of words with their numbers, of a heading, of a picture's caption


@dataclass(frozen=True)
class _Placed:
    word: ColouredWord
    left: float
    top: float
    width: float


def word_sheet(
    crop: Image.Image, effects: WordEffects, how: str = "leave-out", count: int = SHOWN, *, cut: bool = False
) -> Sheet:
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
    block = _HEADING + _LINE * (1 + int(lines[-1].top // _LINE)) + GAP
    chosen = strongest_words(effects, count)
    rows = -(-(2 + len(chosen)) // COLUMNS)
    missing = "".join(sorted(face.missing))
    notes = [CUT] if cut else []
    if missing:
        notes.append(f"{STAND_IN} replaces a character that no font on this machine has; write an .html page instead.")
    height = MARGIN + 2 * block + rows * (_TITLE + PANEL + GAP) + _HEADING * len(notes) + MARGIN
    sheet = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(sheet)
    top = MARGIN
    logits = (
        f"What each word adds to the logit of “{shortened(effects.explained)}”: green for the class, red against it"
    )
    _words(draw, face, lines, top, logits, lambda word: (word.logit_colour, shown(word.logit, "signed")))
    bits = "How far its map moves when the word is removed: the bluer, the farther (Jensen–Shannon divergence, bits)"
    _words(draw, face, lines, top + block, bits, lambda word: (word.bits_colour, shown(word.bits, "bits")))
    top += 2 * block
    for place, (panel, title, note) in enumerate(_panels(crop, effects, words, chosen, how)):
        left, down = MARGIN + place % COLUMNS * (PANEL + GAP), top + place // COLUMNS * (_TITLE + PANEL + GAP)
        face.draw(draw, (left, down), face.fitted(title, SMALL, PANEL), SMALL)
        face.draw(draw, (left, down + 20), face.fitted(note, SMALL, PANEL), SMALL, SOFT)
        sheet.paste(panel, (left, down + _TITLE))
    for place, note in enumerate(reversed(notes)):
        face.draw(draw, (MARGIN, height - MARGIN - BODY - place * _HEADING), note, SMALL, SOFT)
    return Sheet(sheet, missing)


def _panels(
    crop: Image.Image, effects: WordEffects, words: Sequence[ColouredWord], chosen: Sequence[int], how: str
) -> list[tuple[Image.Image, str, str]]:
    """Pictures, each with its heading and a second, fainter line."""
    small = within(crop, PANEL)
    nothing = UNDEFINED if is_undefined(effects.whole) else ""
    panels = [(small, "the image", ""), (overlay(small, effects.whole), "map with the whole text", nothing)]
    for index in chosen:
        word, raw = words[index], without(effects, index)
        numbers = f"moved {shown(word.bits, 'bits')} bits"
        panels.append(
            (
                overlay(small, raw),
                f"{TAKEN[how]} “{shortened(word.text)}”",
                UNDEFINED if is_undefined(raw) else numbers,
            )
        )
    return panels


def _flow(words: Sequence[ColouredWord], face: Typeface) -> list[_Placed]:
    """Words from left to right in lines; each as wide as the word or the number under it."""
    space, left, top, placed = 10, 0.0, 0.0, list[_Placed]()
    for word in words:
        width = max(face.width(shortened(word.text), BODY), face.width("+0.000", SMALL)) + 10
        if left and left + width > WIDTH - 2 * MARGIN:
            left, top = 0.0, top + _LINE
        placed.append(_Placed(word, left, top, min(width, WIDTH - 2 * MARGIN)))
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
    face.draw(draw, (MARGIN, top), face.fitted(heading, SMALL, WIDTH - 2 * MARGIN), SMALL, SOFT)
    for each in lines:
        colour, number = look(each.word)
        left, line = MARGIN + each.left, top + _HEADING - 6 + each.top
        draw.rounded_rectangle((left, line, left + each.width, line + BODY + 8), 4, fill=colour)
        word = shortened(each.word.text)
        face.draw(draw, (left + (each.width - face.width(word, BODY)) / 2, line + 2), word, BODY)
        across = (each.width - face.width(number, SMALL)) / 2
        face.draw(draw, (left + across, line + BODY + 9), number, SMALL, SOFT)
