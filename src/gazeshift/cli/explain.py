"""``gazeshift explain``: the maps of one image with some texts, in numbers and as a picture."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from gazeshift.atomic import atomic_write
from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_asked, check_picture
from gazeshift.cli.printing import literal, terminal
from gazeshift.data.decode import decode
from gazeshift.drawing.numbers import number_or_none
from gazeshift.drawing.remarks import UNREAD
from gazeshift.drawing.strip import strip
from gazeshift.errors import UsageError
from gazeshift.measures import centre_bias, coverage, distribution
from gazeshift.models.addresses import Address
from gazeshift.models.face import Heard, Model
from gazeshift.saliency import SaliencyMaps, explain, shift


@dataclass(frozen=True)
class Explained:
    """What is reported about one text and its map, to people and in JSON; what cannot be measured is None.

    Attributes:
        text: the text.
        predicted: class predicted with it; None if its logit is not a number.
        explained: class whose map it is.
        defined: whether the map has positive evidence.
        reason: why the map has none.
        note: another remark on the map.
        logit: logit of the explained class.
        confidence: its probability; None for a score that is the model's only one, and for a combination of logits.
        centre_bias: centre bias of the map.
        coverage: coverage of the map, a share of the grid.
        js_bits: how far the map moved from that of the first text.
        switch: the part of it due to a different predicted class.
        within: the part of it due to re-weighting for the same class.
        truncated: whether the text was truncated.
        unread: whether the model knows nothing in it.
    """

    text: str
    predicted: str | None
    explained: str
    defined: bool
    reason: str | None
    note: str | None
    logit: float | None
    confidence: float | None
    centre_bias: float | None
    coverage: float | None
    js_bits: float | None
    switch: float | None
    within: float | None
    truncated: bool
    unread: bool


def explain_image(
    address: Address,
    image: Path,
    texts: Sequence[str],
    target: str,
    *,
    label: str | None,
    method: str,
    out: Path | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Explain one image with some texts; print the numbers, draw and save as requested."""
    _check(image, target, label, out, save)
    model = open_model(address)
    maps = explain(model, image, texts, target, label=label, method=method)
    read = model.heard(list(texts))
    records = _records(maps, read)
    if out is not None:
        _draw(model, image, maps, len(records), out)
    if save is not None:
        maps.save(save)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "key": maps.key,
                    "model": maps.model,
                    "target": target,
                    "method": maps.method,
                    "texts": [asdict(record) for record in records],
                },
                ensure_ascii=False,
            )
        )
    else:
        _print(
            maps, records, None if model.structure is None else model.structure.sentence, reads_text=model.reads_text
        )
        for done, path in (("drawn", out), ("saved", save)):
            if path is not None:
                typer.echo(f"{done}: {path}")


def _check(image: Path, target: str, label: str | None, out: Path | None, save: Path | None) -> None:
    """Refuse arguments that are wrong whatever the model."""
    if out is not None and out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: the picture is written as PNG; give a name that ends in .png.")
    if out is not None and save is not None and out.resolve() == save.resolve():
        raise UsageError(f"--out and --save are both {out}; name two files.")
    for path in (out, save):
        if path is not None:
            check_picture(path, image)
    if save is not None and save.suffix.lower() != ".safetensors":
        raise UsageError(f"--save {save}: maps are saved as safetensors; give a name that ends in .safetensors.")
    check_asked(image, target, label)


def _records(maps: SaliencyMaps, read: Heard) -> list[Explained]:
    """One record per text."""
    p = distribution(maps.raw[: len(maps.texts)])
    bias, spread = centre_bias(p), coverage(p)
    records = []
    for index, text in enumerate(maps.texts):
        row, moved = maps.rows[index], shift(maps, 0, index)
        records.append(
            Explained(
                text=text,
                predicted=_predicted(maps, index),
                explained=maps.classes[row.target],
                defined=not bool(maps.undefined[index]),
                reason=maps.reasons[index],
                note=maps.notes[index],
                logit=number_or_none(row.logit),
                confidence=None if len(maps.classes) == 1 else number_or_none(row.probability),
                centre_bias=number_or_none(float(bias[index])),
                coverage=number_or_none(float(spread[index])),
                js_bits=number_or_none(moved.js_bits),
                switch=number_or_none(moved.switch),
                within=number_or_none(moved.within),
                truncated=read.truncated[index],
                unread=read.unread[index],
            )
        )
    return records


def _predicted(maps: SaliencyMaps, index: int) -> str | None:
    """The class that is predicted with a text: where no logit is a number there is none."""
    guess = maps.predicted[index]
    logit = next((row.logit for row in maps.rows if (row.text, row.target) == (index, guess)), 0.0)
    return maps.classes[guess] if math.isfinite(logit) else None


def _print(maps: SaliencyMaps, records: Sequence[Explained], structure: str | None, *, reads_text: bool) -> None:
    console = terminal()
    # Every target but ``predicted`` is one class for all texts.
    explained = "the predicted class" if maps.target == "predicted" else f"the class {records[0].explained}"
    title = f"{maps.key}: maps of {explained} with each text"
    table = Table(title=literal(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", justify="right")
    table.add_column("text", overflow="fold", min_width=12)
    table.add_column("predicted", overflow="fold", min_width=9)
    scored = all(record.confidence is None for record in records) and any(
        record.logit is not None for record in records
    )
    for heading in ("score" if scored else "sure", "centre", "cover", "JS", "switch", "within"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, record in enumerate(records, start=1):
        measured = (
            record.logit if scored else record.confidence,
            record.centre_bias,
            record.coverage,
            record.js_bits,
            record.switch,
            record.within,
        )
        text = literal(record.text) if record.text.strip() else "[dim](no text)[/]"
        table.add_row(str(number), text, literal(record.predicted or "-"), *map(_number, measured))
    console.print(table)
    console.print(
        ("score: the explained score, in logits. " if scored else "sure: probability of the explained class. ")
        + "centre: centre bias. cover: coverage, the share of the grid. JS: divergence from the "
        "first map in bits; of it, switch comes with the predicted class, within from re-weighting for the same class."
    )
    if not reads_text and len(records) > 1:
        console.print("The model reads no text, so every text gets the same map.")
    if maps.undefined[: len(maps.texts)].any():
        console.print(
            "A map without positive evidence is undefined: it points nowhere, so where it looks is not measured."
        )
    for said, numbers in said_of([(record.reason, record.note) for record in records]).items():
        console.print(literal(f"Map {', '.join(numbers)}: {said}."))
    lost = [str(number) for number, record in enumerate(records, start=1) if record.truncated]
    if lost:
        console.print(f"Truncated, because longer than the model reads: text {', '.join(lost)}.")
    unread = [str(number) for number, record in enumerate(records, start=1) if record.unread]
    if unread:
        console.print(f"{UNREAD} Text {', '.join(unread)}.")
    for said in (*maps.remarks, *([] if structure is None else [structure])):
        console.print(literal(said))


def said_of(remarks: Sequence[tuple[str | None, ...]]) -> dict[str, list[str]]:
    """Why maps are undefined, and other remarks: each once, with the numbers of its maps."""
    said: dict[str, list[str]] = {}
    for number, mine in enumerate(remarks, start=1):
        for one in mine:
            if one is not None:
                said.setdefault(one, []).append(str(number))
    return said


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _draw(model: Model, image: Path, maps: SaliencyMaps, count: int, out: Path) -> None:
    """What the model sees of the image and, side by side, one map per text, each over its own maximum, numbered as in the table."""
    crop = model.view(decode(image, image.name))
    picture = strip(crop, list(maps.raw[:count]))
    with atomic_write(out) as file:
        picture.save(file, format="PNG")
