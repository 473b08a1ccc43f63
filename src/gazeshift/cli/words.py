"""``gazeshift words``: which words of a text move the map of an image, as coloured text and numbers."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from gazeshift.atomic import atomic_write
from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_asked, check_picture
from gazeshift.cli.printing import literal, plain, tell_missing, terminal
from gazeshift.cli.spans import spans_of
from gazeshift.data.decode import decode
from gazeshift.drawing.coloured import coloured_words
from gazeshift.drawing.numbers import number_or_none
from gazeshift.drawing.remarks import CUT, UNREAD
from gazeshift.errors import UsageError
from gazeshift.models.addresses import Address
from gazeshift.models.face import Model
from gazeshift.registry import known_name
from gazeshift.saliency import WordEffects, word_effects
from gazeshift.saliency.words import WAYS


@dataclass(frozen=True)
class _Effect:
    """The effect of one word, in numbers for people and for JSON; what cannot be measured is None."""

    word: str
    start: int
    end: int
    logit: float | None
    js_bits: float | None


def explain_words(
    address: Address,
    image: Path,
    text: str,
    target: str,
    *,
    label: str | None,
    how: str,
    spans: Sequence[str],
    method: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Leave out each word in turn; print how the class's logit and its map change, and draw it on request."""
    _check(image, target, label, out)
    how = known_name(WAYS, how, "--how")
    model = open_model(address)
    found = word_effects(model, image, text, target, how=how, method=method, label=label, spans=spans_of(text, spans))
    read = model.heard([text])
    cut, unread = read.truncated[0], read.unread[0]
    if out is not None:
        _draw(model, image, found, how, cut, out)
    if as_json:
        said = {"text": text, "explained": found.explained, "how": how, "truncated": cut, "unread": unread}
        typer.echo(json.dumps(said | {"words": [asdict(each) for each in _effects(found)]}, ensure_ascii=False))
        return
    _print(found, cut, unread)
    if out is not None:
        terminal().print(literal(f"drawn: {out}"), soft_wrap=True)


def _check(image: Path, target: str, label: str | None, out: Path | None) -> None:
    """Refuse arguments that are wrong whatever the model."""
    if out is not None and out.suffix.lower() not in {".png", ".html"}:
        raise UsageError(f"--out {out}: give a name that ends in .png or .html.")
    if out is not None:
        check_picture(out, image)
    check_asked(image, target, label)


def _print(found: WordEffects, cut: bool, unread: bool) -> None:
    """The text in colour, a table of its words, and their caveats."""
    console = terminal()
    console.print(_coloured(found))
    table = Table(
        title=literal(f"class {found.explained}"), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("word", overflow="fold")
    for heading in ("logit", "JS bits"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in _effects(found):
        moved = "-" if each.js_bits is None else f"{each.js_bits:.3f}"
        added = "-" if each.logit is None else f"{each.logit:+.3f}"
        table.add_row(literal(each.word), added, moved)
    console.print(table)
    console.print(
        "logit: what the word adds to the class's logit; green: for it, red: against it. JS: how far the map moves without the word."
    )
    if found.reason is not None:
        console.print(literal(f"The map of the whole text is undefined: {found.reason}."))
    if cut:
        console.print(CUT)
    if unread:
        console.print(UNREAD)


def _draw(model: Model, image: Path, found: WordEffects, how: str, cut: bool, out: Path) -> None:
    """A picture or a page, whole or not at all; says which characters a picture lacks."""
    crop = model.view(decode(image, image.name))
    with atomic_write(out) as file:
        if out.suffix.lower() == ".html":
            from gazeshift.report.word_page import word_page

            file.write_text(word_page(crop, found, image.name, model.name, how, cut=cut), encoding="utf-8")
            return
        from gazeshift.drawing.word_sheet import word_sheet

        sheet = word_sheet(crop, found, how, cut=cut)
        sheet.image.save(file, "PNG")
    tell_missing(out, sheet.missing, f", or write {out.with_suffix('.html').name} instead.")


def _effects(found: WordEffects) -> list[_Effect]:
    return [
        _Effect(word, start, end, number_or_none(logit), number_or_none(moved))
        for word, (start, end), logit, moved in zip(found.words, found.spans, found.logit, found.js_bits, strict=True)
    ]


def _coloured(found: WordEffects) -> Text:
    """The text; each word's background is as strong as its effect on the logit, relative to the strongest."""
    line = Text()
    for word in coloured_words(found):
        line.append(plain(word.before))
        line.append(plain(word.text), style="black on rgb({},{},{})".format(*word.logit_colour))
    return line.append(plain(found.text[found.spans[-1][1] :]))
