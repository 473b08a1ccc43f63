"""``gazeshift mediate``: how much of the answer's change between two texts comes along with the gaze alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_asked
from gazeshift.cli.printing import literal, terminal
from gazeshift.drawing.numbers import number_or_none
from gazeshift.drawing.remarks import UNREAD
from gazeshift.errors import UsageError
from gazeshift.measures import MediatedEffects
from gazeshift.models.addresses import Address
from gazeshift.models.face import Heard
from gazeshift.saliency import Mediation, mediation

PARTS = ("total", "mediated", "direct", "interaction", "share")


def mediate_texts(
    address: Address, image: Path, texts: Sequence[str], target: str, *, label: str | None, as_json: bool
) -> None:
    """Exchange the gazes of two texts on one image; print the effects, both ways."""
    if len(texts) != 2:
        raise UsageError(f"--text: give two, the old text and the new one; {len(texts)} given.")
    check_asked(image, target, label)
    model = open_model(address)
    before, after = texts
    found = mediation(model, image, before, after, target, label=label)
    read = model.heard([before, after])
    if as_json:
        typer.echo(json.dumps(_record(found, read), ensure_ascii=False))
    else:
        _print(found, read)


def _record(found: Mediation, read: Heard) -> dict[str, object]:
    """For programs; what cannot be computed is null."""
    return {
        "mediator": found.mediator,
        "texts": [found.before, found.after],
        "truncated": read.truncated,
        "unread": read.unread,
        "explained": found.explained,
        "effects": _numbers(found.effects),
        "reverse": _numbers(found.effects.reverse),
        "switch": _numbers(found.switch),
        "predicted": {
            "before": found.predicted,
            "with_gaze": found.predicted_with_gaze,
            "with_text": found.predicted_with_text,
            "after": found.predicted_after,
        },
    }


def _numbers(effects: MediatedEffects) -> dict[str, float | None]:
    values = (effects.total, effects.mediated, effects.direct, effects.interaction, effects.share)
    return {name: number_or_none(value) for name, value in zip(PARTS, values, strict=True)}


def _print(found: Mediation, read: Heard) -> None:
    console = terminal()
    answers = _table(f"gaze: {found.mediator or 'none'}")
    for heading in ("text", "gaze of", "predicted"):
        answers.add_column(heading, overflow="fold")
    for text, gaze, predicted in (
        (found.before, "the same text", found.predicted),
        (found.before, "the other text", found.predicted_with_gaze),
        (found.after, "the other text", found.predicted_with_text),
        (found.after, "the same text", found.predicted_after),
    ):
        answers.add_row(literal(text) if text.strip() else "[dim](no text)[/]", gaze, literal(predicted))
    console.print(answers)
    rows = [(found.explained, found.effects), (f"{found.explained}, the way back", found.effects.reverse)]
    if found.predicted != found.predicted_after:
        rows.append((f"{found.predicted_after} rather than {found.predicted}", found.switch))
    table = _table("the four passes in logits")
    table.add_column("logit of", overflow="fold")
    for heading in PARTS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, effects in rows:
        table.add_row(literal(name), *map(_shown, _numbers(effects).values()))
    console.print(table)
    console.print(
        "total: change of the logit from the first text to the second. mediated: by the second text's gaze alone. direct: by the rest of "
        "the second text. interaction: by both only together. share: mediated / total. All this is about the model, not about the world."
    )
    if found.mediator is None:
        console.print(
            "The logits are a function of the image plus a function of the text: every text has the same gaze, so nothing is mediated."
        )
    for index, name in enumerate(("first", "second")):
        if read.truncated[index]:
            console.print(f"Truncated, because longer than the model reads: the {name} text.")
        if read.unread[index]:
            console.print(f"{UNREAD} It is the {name} text.")


def _table(title: str) -> Table:
    return Table(title=literal(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"
