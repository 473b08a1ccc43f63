"""``gazeshift regions``: which word of a text goes with which region of an image."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from PIL import Image, UnidentifiedImageError
from rich import box
from rich.table import Table

from gazeshift.atomic import atomic_write
from gazeshift.cli.grids import grid_of
from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_asked, check_picture
from gazeshift.cli.printing import literal, tell_missing, terminal
from gazeshift.cli.spans import spans_of
from gazeshift.data.decode import decode
from gazeshift.drawing.numbers import number_or_none, signed_numbers
from gazeshift.drawing.remarks import CUT
from gazeshift.errors import UsageError
from gazeshift.models.addresses import Address
from gazeshift.registry import known_name
from gazeshift.saliency import WordRegions, word_regions
from gazeshift.saliency.hide import FILLINGS
from gazeshift.saliency.regions import Box, Regions
from gazeshift.saliency.words import WAYS

_LABELS = {"1", "L", "P", "I", "I;16"}
"""Pillow's modes of pictures whose pixels are numbers."""
_WIDTH, _WORD = 80, 10
"""Characters of a terminal, and of the column of words."""


def explain_regions(
    address: Address,
    image: Path,
    text: str,
    regions: Regions,
    target: str,
    *,
    label: str | None,
    how: str,
    hide: str,
    spans: Sequence[str],
    method: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Print the table of words and regions, and draw it on request."""
    check_asked(image, target, label)
    if out is not None:
        if out.suffix.lower() != ".png":
            raise UsageError(f"--out {out}: give a name that ends in .png.")
        check_picture(out, image)
    how, hide = known_name(WAYS, how, "--how"), known_name(tuple(FILLINGS), hide, "--hide")
    model = open_model(address)
    chosen = spans_of(text, spans)
    found = word_regions(
        model, image, text, regions, target, label=label, method=method, how=how, hide=hide, spans=chosen
    )
    cut = model.heard([text]).truncated[0]
    if out is not None:
        _draw(model.view(decode(image, image.name)), found, cut, out)
    if as_json:
        typer.echo(json.dumps(_record(found, how, cut), ensure_ascii=False))
        return
    _print(found, cut)
    if out is not None:
        terminal().print(literal(f"drawn: {out}"), soft_wrap=True)


def regions_of(grid: str | None, boxes: Sequence[str], masks: Path | None) -> Regions:
    """The regions that a command line names: ``3x3``, boxes ``NAME=LEFT,UPPER,RIGHT,LOWER``, or a PNG of labels.

    Raises:
        UsageError: more than one kind, or one that cannot be read.

    Example:
        >>> regions_of("2x3", [], None), regions_of(None, ["dog=1,2,30,40"], None)
        ((2, 3), {'dog': (1.0, 2.0, 30.0, 40.0)})
    """
    if sum((grid is not None, bool(boxes), masks is not None)) > 1:
        raise UsageError("name the regions in one way: --grid, --box or --masks.")
    if masks is not None:
        return _labels(masks)
    if boxes:
        named = [_box(one) for one in boxes]
        twice = next((name for name, _ in named if [other for other, _ in named].count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"--box {twice}: two boxes have this name.")
        return dict(named)
    return grid_of(grid or "3x3", "--grid")


def _box(given: str) -> tuple[str, Box]:
    name, _, numbers = given.rpartition("=")
    try:
        left, upper, right, lower = map(float, numbers.split(","))
    except ValueError:
        name = ""
    if not name:
        raise UsageError(
            f"--box {given}: give NAME=LEFT,UPPER,RIGHT,LOWER in the picture's pixels, for example dog=10,20,90,80."
        )
    return name, (left, upper, right, lower)


def _labels(file: Path) -> np.ndarray:
    if not file.is_file():
        raise UsageError(f"--masks {file}: no such file.")
    try:
        with Image.open(file) as opened:
            mode, found = opened.mode, np.asarray(opened)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UsageError(f"--masks {file}: not a picture that can be read ({type(error).__name__}).") from error
    if mode not in _LABELS:
        raise UsageError(
            f"--masks {file}: a picture of mode {mode} has colours; give one whose pixels are numbers (PNG, grey or palette)."
        )
    return found.astype(np.int64)


def _print(found: WordRegions, cut: bool) -> None:
    """The table, and how to read it."""
    from gazeshift.drawing.region_sheet import interactions_shown, strongest_regions

    console, show, show_alone = terminal(), interactions_shown(found), signed_numbers(found.word)
    wide = len(show(0.0))
    shown = strongest_regions(found, (_WIDTH - _WORD - wide) // (wide + 2))
    table = Table(
        title=literal(f"class {found.explained}"), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("word", overflow="fold")
    for name in (*(found.regions[region] for region in shown), "alone"):
        table.add_column(literal(name), justify="right", overflow="fold", min_width=wide)
    table.add_row("alone", *map(show, found.evidence[shown]), "")
    for word, values, alone in zip(found.words, found.interaction, found.word, strict=True):
        table.add_row(literal(word), *map(show, values[shown]), show_alone(alone))
    console.print(table)
    console.print(
        "What a word adds to the evidence in a region, in logits: y(all) - y(without word) - y(without region) + y(without both). "
        "Positive: they go together. Alone: y(all) - y(without the word, or the region)."
    )
    if len(shown) < len(found.regions):
        console.print(f"{len(found.regions) - len(shown)} regions, all weaker, are not shown; --json has them.")
    if cut:
        console.print(CUT)


def _draw(view: Image.Image, found: WordRegions, cut: bool, out: Path) -> None:
    """The picture, whole or not at all; says which characters it lacks."""
    from gazeshift.drawing.region_sheet import region_sheet

    sheet = region_sheet(view, found, cut=cut)
    with atomic_write(out) as file:
        sheet.image.save(file, "PNG")
    tell_missing(out, sheet.missing)


def _record(found: WordRegions, how: str, cut: bool) -> dict[str, Any]:
    """For programs; what cannot be measured is null."""
    areas = found.masks.mean((1, 2)).tolist()
    regions = [
        {"region": name, "area": area, "logit": number_or_none(value)}
        for name, area, value in zip(found.regions, areas, found.evidence, strict=True)
    ]
    words = [
        {
            "word": word,
            "start": start,
            "end": end,
            "logit": number_or_none(found.word[index]),
            "interaction": dict(zip(found.regions, map(number_or_none, found.interaction[index]), strict=True)),
            "map_change": dict(zip(found.regions, map(number_or_none, found.map_change[index]), strict=True)),
        }
        for index, (word, (start, end)) in enumerate(zip(found.words, found.spans, strict=True))
    ]
    said = {"text": found.text, "explained": found.explained, "how": how, "hide": found.hide, "truncated": cut}
    return said | {"logit": number_or_none(found.logit), "regions": regions, "words": words}
