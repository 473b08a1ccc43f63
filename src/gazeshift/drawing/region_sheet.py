"""One picture of a word x region table: the regions on the image, the table in colour, and where each of the strongest words acts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw

from gazeshift.drawing.coloured import MIN_LOGIT, for_or_against
from gazeshift.drawing.fonts import STAND_IN, Typeface, typeface
from gazeshift.drawing.numbers import signed_numbers
from gazeshift.drawing.outline import edge
from gazeshift.drawing.remarks import CUT
from gazeshift.drawing.sheet import BODY, COLUMNS, GAP, MARGIN, PANEL, SMALL, SOFT, WIDTH, Sheet, shortened, within
from gazeshift.saliency import WordRegions

SHOWN = 10
"""How many words have a small picture."""
MOST_REGIONS, MOST_WORDS = 9, 24
"""How many columns and rows the table has; those with the strongest interactions are drawn, the rest only counted."""

_PICTURE = 380
_ROW, _TITLE, _HEADING = 30, 46, 34
_WORDS = 150  # width of the column of words
_OUTLINE, _STRENGTH = (255, 255, 255), 0.75


@dataclass(frozen=True)
class _Table:
    """What is drawn of the table."""

    found: WordRegions
    words: Sequence[int]
    regions: Sequence[int]
    most: float

    @classmethod
    def of(cls, found: WordRegions) -> "_Table":
        strength = np.abs(np.nan_to_num(found.interaction))
        words, regions = _strongest(strength.max(1), MOST_WORDS), strongest_regions(found)
        return cls(found, words, regions, float(strength.max()))

    @property
    def rows(self) -> list[tuple[str, float, Float[np.ndarray, " regions"]]]:
        """Word, its own effect, its interactions with the drawn regions."""
        found = self.found
        return [
            (found.words[word], float(found.word[word]), found.interaction[word, self.regions]) for word in self.words
        ]


def region_sheet(view: Image.Image, found: WordRegions, *, cut: bool = False) -> Sheet:
    """Draw which word goes with which region of an image.

    Args:
        view: the image as the model sees it.
        found: as ``word_regions`` gives it.
        cut: whether the text is longer than the model reads; the picture says so.
    """
    table = _Table.of(found)
    face = typeface([found.text, found.explained, *found.regions, STAND_IN])
    missing = "".join(sorted(face.missing))
    picture, notes = within(view, _PICTURE), _notes(table, cut, missing)
    strength = np.abs(np.nan_to_num(found.interaction)).max(1)
    strongest = sorted((word for word in table.words if strength[word]), key=lambda word: -strength[word])[:SHOWN]
    upper = max(picture.height, _ROW * (3 + len(table.words))) + 2 * _HEADING
    panel = within(view, PANEL)
    rows = -(-len(strongest) // COLUMNS)
    height = MARGIN + upper + rows * (_TITLE + panel.height + GAP) + _HEADING * len(notes) + MARGIN
    sheet = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(sheet)
    title = f"Which word goes with which region, for the logit of “{shortened(found.explained)}”"
    face.draw(draw, (MARGIN, MARGIN), face.fitted(title, BODY, WIDTH - 2 * MARGIN), BODY)
    sheet.paste(_named(picture, table, face), (MARGIN, MARGIN + _HEADING))
    _draw_table(draw, face, table, (MARGIN + _PICTURE + 2 * GAP, MARGIN + _HEADING))
    for place, word in enumerate(strongest):
        at = (
            MARGIN + place % COLUMNS * (PANEL + GAP),
            MARGIN + upper + place // COLUMNS * (_TITLE + panel.height + GAP),
        )
        face.draw(draw, at, face.fitted(f"“{shortened(found.words[word])}”", SMALL, PANEL), SMALL)
        face.draw(draw, (at[0], at[1] + 20), face.fitted(_strongest_region(found, word), SMALL, PANEL), SMALL, SOFT)
        sheet.paste(_tinted(panel, found, found.interaction[word], table.most), (at[0], at[1] + _TITLE))
    for place, note in enumerate(notes):
        top = height - MARGIN - _HEADING * (len(notes) - place) + GAP
        face.draw(draw, (MARGIN, top), face.fitted(note, SMALL, WIDTH - 2 * MARGIN), SMALL, SOFT)
    return Sheet(sheet, missing)


def _notes(table: _Table, cut: bool, missing: str) -> list[str]:
    found = table.found
    left_out = (len(found.words) - len(table.words), len(found.regions) - len(table.regions))
    return [
        "Green: with the word, the region is stronger evidence for the class than without it; red: weaker. In logits, all on one scale:",
        "y(all) − y(without the word) − y(without the region) + y(without both). Alone: y(all) − y(without the word, or the region).",
        *([CUT] if cut else []),
        *([f"Not drawn, all weaker: {left_out[0]} words, {left_out[1]} regions."] if any(left_out) else []),
        *([f"{STAND_IN} replaces a character that no font on this machine has."] if missing else []),
    ]


def _draw_table(draw: ImageDraw.ImageDraw, face: Typeface, table: _Table, at: tuple[int, int]) -> None:
    """A row for the whole text, then one for each word; the last column is the word's own effect."""
    found, (left, top) = table.found, at
    step = min(110, (WIDTH - MARGIN - left - _WORDS) // (1 + len(table.regions)))
    start = left + _WORDS
    show, show_alone = interactions_shown(found), signed_numbers(found.word)

    def row(place: int, name: str, values: Sequence[float], last: float, most: float) -> None:
        down = top + _ROW * place
        face.draw(draw, (left, down + 5), face.fitted(name, SMALL + 2, _WORDS - 8), SMALL + 2)
        for column, value in enumerate([*values, last]):
            scale = most if column < len(values) else float(np.abs(np.nan_to_num(found.word)).max())
            box = (start + column * step, down, start + (column + 1) * step - 3, down + _ROW - 3)
            draw.rounded_rectangle(box, 4, fill=for_or_against(value, scale) if most else None)
            number = (show if column < len(values) else show_alone)(value)
            face.draw(draw, (box[0] + (step - 3 - face.width(number, SMALL)) / 2, down + 6), number, SMALL)

    for column, heading in enumerate([*(found.regions[region] for region in table.regions), "alone"]):
        name = face.fitted(heading, SMALL, step - 3)
        across = start + column * step + (step - 3 - face.width(name, SMALL)) / 2
        face.draw(draw, (across, top + 6), name, SMALL, SOFT)
    row(1, "alone", found.evidence[list(table.regions)].tolist(), float("nan"), 0.0)
    for place, (word, alone, values) in enumerate(table.rows):
        row(2 + place, word, values.tolist(), alone, table.most)


def _named(picture: Image.Image, table: _Table, face: Typeface) -> Image.Image:
    """The image with the outlines of all regions, and the names of those in the table."""
    found = table.found
    inside = _sized(found.masks, picture.size)
    pixels = np.array(picture)
    for mask in inside:
        pixels[edge(mask, 2)] = (28, 30, 34)
        pixels[edge(mask, 1)] = _OUTLINE
    named = Image.fromarray(pixels)
    draw = ImageDraw.Draw(named)
    for region in table.regions:
        down, across = np.nonzero(inside[region])
        if not len(down):
            continue
        name = face.fitted(found.regions[region], SMALL, picture.width / 2)
        place = (int(across[down == down.min()].min()) + 4, int(down.min()) + 3)
        draw.rectangle(
            (place[0] - 2, place[1], place[0] + face.width(name, SMALL) + 2, place[1] + SMALL + 4), fill="white"
        )
        face.draw(draw, place, name, SMALL)
    return named


def _tinted(
    picture: Image.Image, found: WordRegions, values: Float[np.ndarray, " regions"], most: float
) -> Image.Image:
    """The image in grey, each region tinted as strongly as its value; where regions overlap, the stronger is on top."""
    grey = np.asarray(picture.convert("L").convert("RGB"), dtype=float)
    inside = _sized(found.masks, picture.size)
    for region in np.argsort(np.abs(np.nan_to_num(values))):
        value = float(np.nan_to_num(values[region]))
        share = _STRENGTH * abs(value) / max(MIN_LOGIT, most)
        colour = np.array(for_or_against(np.sign(value), 1), dtype=float)
        grey[inside[region]] = (1 - share) * grey[inside[region]] + share * colour
    return Image.fromarray(grey.round().astype(np.uint8))


def _strongest_region(found: WordRegions, word: int) -> str:
    values = found.interaction[word]
    region = int(np.nanargmax(np.abs(values)))
    return f"most with {shortened(found.regions[region])}: {interactions_shown(found)(values[region])}"


def interactions_shown(found: WordRegions) -> Callable[[float], str]:
    """How the interactions of a table, and what its regions do alone, are shown: all with the same decimals."""
    return signed_numbers([*found.interaction.ravel().tolist(), *found.evidence.tolist()])


def strongest_regions(found: WordRegions, count: int = MOST_REGIONS) -> list[int]:
    """Indices of the regions with the strongest interactions, as many as a table has room for, in their own order."""
    return _strongest(np.abs(np.nan_to_num(found.interaction)).max(0), count)


def _strongest(strength: Float[np.ndarray, " n"], count: int) -> list[int]:
    """Indices of the strongest, in their own order."""
    return sorted(np.argsort(-strength, kind="stable")[:count].tolist())


def _sized(masks: Bool[np.ndarray, "regions H W"], size: tuple[int, int]) -> Bool[np.ndarray, "regions h w"]:
    return np.stack([np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)) for mask in masks])
