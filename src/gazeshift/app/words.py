"""What each word does, and to which region: the words coloured, and the table of words and regions, as plain data."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool
from pydantic import BaseModel, ConfigDict

from gazeshift.app.answers import target_of
from gazeshift.models.face import Model
from gazeshift.saliency import word_effects, word_regions
from gazeshift.saliency.pictures import Picture, open_picture

GRID = (3, 3)
"""Regions of a picture without any: its ninths."""

DIGITS = 6


class Word(BaseModel):
    """A word of a text.

    Attributes:
        text: the word.
        start: of it in the text.
        end: of it in the text.
        bits: how far the map of the class moves without it; None where a map is undefined.
        logit: what it adds to the class's logit.
        change: what it adds to the map in each cell, row by row, over the largest such change of any word.
        regions: what it adds to each region's evidence for the class, in logits.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    start: int
    end: int
    bits: float | None
    logit: float
    change: tuple[float, ...]
    regions: tuple[float, ...]


class Region(BaseModel):
    """A region of a picture.

    Attributes:
        name: its name; empty for one of a grid.
        box: left, top, right and bottom, as shares of what the model sees.
        evidence: what it adds to the logit with the whole text.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    box: tuple[float, float, float, float]
    evidence: float


class Words(BaseModel):
    """The words of a text and the regions of a picture, for one class.

    Attributes:
        explained: the class.
        rows: of the maps.
        columns: of the maps.
        words: in order.
        regions: in order.
    """

    model_config = ConfigDict(frozen=True)

    explained: str
    rows: int
    columns: int
    words: tuple[Word, ...]
    regions: tuple[Region, ...]


def words_of(
    model: Model,
    picture: Picture,
    text: str,
    target: str,
    label: str | None,
    method: str,
    regions: Mapping[str, Bool[np.ndarray, "height width"]] | None,
) -> Words:
    """Leave out every word; where regions are asked for, hide every region, and both together.

    Args:
        model: reads text.
        picture: the picture.
        text: a text with at least one word.
        target: as for ``word_effects``.
        label: the true class, for ``target="label"``.
        method: a saliency method.
        regions: masks in the picture's pixels by name; empty for ``GRID``; None for none.

    Raises:
        UsageError: a text without words, or a model without text.
    """
    target = target_of(model, model.about(open_picture(picture, at_least=model.enough), text), target)
    effects = word_effects(model, picture, text, target, label=label, method=method)
    shown, added = (
        ((), [()] * len(effects.words))
        if regions is None
        else _regions(model, picture, text, target, label, method, regions)
    )
    largest = float(np.nanmax(np.abs(effects.maps), initial=0)) or 1.0
    rows, columns = effects.whole.shape
    return Words(
        explained=effects.explained,
        rows=rows,
        columns=columns,
        words=tuple(
            Word(
                text=word,
                start=effects.spans[place][0],
                end=effects.spans[place][1],
                bits=float(effects.js_bits[place]) if math.isfinite(effects.js_bits[place]) else None,
                logit=float(effects.logit[place]),
                change=tuple(np.round(np.nan_to_num(effects.maps[place]) / largest, DIGITS).ravel().tolist()),
                regions=added[place],
            )
            for place, word in enumerate(effects.words)
        ),
        regions=shown,
    )


def _regions(
    model: Model,
    picture: Picture,
    text: str,
    target: str,
    label: str | None,
    method: str,
    regions: Mapping[str, Bool[np.ndarray, "height width"]],
) -> tuple[tuple[Region, ...], list[tuple[float, ...]]]:
    """The regions, and what each word adds to each."""
    table = word_regions(model, picture, text, dict(regions) or GRID, target, label=label, method=method)
    shown = tuple(
        Region(name=name if regions else "", box=_box(mask), evidence=float(np.nan_to_num(evidence)))
        for name, mask, evidence in zip(table.regions, table.masks, table.evidence, strict=True)
    )
    return shown, [tuple(line) for line in np.nan_to_num(table.interaction).tolist()]


def _box(mask: Bool[np.ndarray, "height width"]) -> tuple[float, float, float, float]:
    down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return across[0] / width, down[0] / height, (across[-1] + 1) / width, (down[-1] + 1) / height
