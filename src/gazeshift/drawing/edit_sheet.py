"""One picture of an edit of a text: the words that change, the image, and its map before and after, with the region outlined."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw

from gazeshift.drawing.fonts import STAND_IN, Typeface, typeface
from gazeshift.drawing.outline import outlined
from gazeshift.drawing.overlay import overlay
from gazeshift.drawing.sheet import BODY, GAP, MARGIN, SMALL, SOFT, WIDTH, Sheet, within

_PANEL = (WIDTH - 2 * MARGIN - 2 * GAP) // 3
_LINE, _TITLE = 34, 30
_FILL = {"same": None, "old": (240, 190, 184), "new": (176, 224, 188)}
"""Behind the words: red what goes, green what comes."""


@dataclass(frozen=True)
class EditPanel:
    """A picture of the sheet.

    Attributes:
        title: stands over it.
        raw: the map; None for the image alone.
    """

    title: str
    raw: Float[np.ndarray, "h w"] | None = None


def edit_sheet(
    view: Image.Image,
    pieces: Sequence[tuple[str, str]],
    panels: Sequence[EditPanel],
    region: Bool[np.ndarray, "H W"],
    note: str,
) -> Sheet:
    """Draw the image and its maps before and after an edit.

    Args:
        view: the image as the model sees it.
        pieces: the text in parts, each ``same``, ``old`` (what goes) or ``new`` (what comes), and what it says.
        panels: up to three.
        region: outlined on every panel; nothing is outlined if it is empty.
        note: a sentence under the pictures.

    Example:
        >>> pieces = [("same", "a "), ("old", "red"), ("new", "blue"), ("same", " pie")]
        >>> edit_sheet(Image.new("RGB", (64, 64)), pieces, [EditPanel("image")], np.zeros((64, 64), bool), "").image.width
        1240
    """
    face = typeface([*(text for _, text in pieces), *(panel.title for panel in panels), note, STAND_IN])
    words = _flow(pieces, face)
    top = MARGIN + _LINE * (1 + max((line for _, _, _, line in words), default=0)) + GAP
    small = within(view, _PANEL)
    missing = "".join(sorted(face.missing))
    notes = _wrapped(note, face)
    if missing:
        notes.append(f"{STAND_IN} replaces a character that no font on this machine has.")
    height = top + _TITLE + small.height + GAP + _LINE * len(notes) + MARGIN
    sheet = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(sheet)
    for kind, word, left, line in words:
        _word(draw, face, kind, word, (MARGIN + left, MARGIN + _LINE * line))
    for place, panel in enumerate(panels):
        left = MARGIN + place * (_PANEL + GAP)
        face.draw(draw, (left, top), face.fitted(panel.title, SMALL + 1, _PANEL), SMALL + 1)
        shown = small if panel.raw is None else overlay(small, panel.raw)
        sheet.paste(outlined(shown, region) if region.any() else shown, (left, top + _TITLE))
    for place, said in enumerate(notes):
        face.draw(draw, (MARGIN, top + _TITLE + small.height + GAP + _LINE * place), said, SMALL, SOFT)
    return Sheet(sheet, missing)


def _flow(pieces: Sequence[tuple[str, str]], face: Typeface) -> list[tuple[str, str, float, int]]:
    """Kind, word, place from the left and line of every word."""
    left, line, placed = 0.0, 0, list[tuple[str, str, float, int]]()
    for kind, text in pieces:
        for word in text.split() if kind == "same" else [text]:
            word = face.fitted(word, BODY, WIDTH - 2 * MARGIN - 8)  # noqa: PLW2901
            width = face.width(word, BODY) + 8
            if left and left + width > WIDTH - 2 * MARGIN:
                left, line = 0.0, line + 1
            placed.append((kind, word, left, line))
            left += width + 2
    return placed


def _word(draw: ImageDraw.ImageDraw, face: Typeface, kind: str, word: str, at: tuple[float, float]) -> None:
    width = face.width(word, BODY)
    if _FILL[kind] is not None:
        draw.rounded_rectangle((at[0], at[1], at[0] + width + 8, at[1] + BODY + 8), 4, fill=_FILL[kind])
    face.draw(draw, (at[0] + 4, at[1] + 2), word, BODY)
    if kind == "old":
        middle = at[1] + BODY * 0.75
        draw.line((at[0] + 2, middle, at[0] + width + 6, middle), fill=(140, 40, 30), width=2)


def _wrapped(note: str, face: Typeface) -> list[str]:
    lines = [""]
    for word in note.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if face.width(longer, SMALL) <= WIDTH - 2 * MARGIN else [*lines, word]
    return [line for line in lines if line]
