"""``gazeshift words``: which words of a text move the map of an image, as coloured text and numbers."""

import json
import math
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gazeshift.models import load
from gazeshift.saliency import WordEffects, word_effects


def explain_words(folder: Path, image: Path, text: str, target: str, *, how: str, method: str, as_json: bool) -> None:
    """Leave out each word in turn; print what the class and its map lose."""
    found = word_effects(load(folder), image, text, target, how=how, method=method)
    records = _records(found)
    if as_json:
        typer.echo(
            json.dumps({"text": text, "explained": found.explained, "how": how, "words": records}, ensure_ascii=False)
        )
        return
    console = Console(highlight=False)
    console.print(_coloured(found))
    table = Table(
        title=f"class {escape(found.explained)}", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("word", overflow="fold")
    for heading in ("logit", "JS bits"):
        table.add_column(heading, justify="right", no_wrap=True)
    for record in records:
        moved = "-" if record["js_bits"] is None else f"{record['js_bits']:.3f}"
        table.add_row(escape(record["word"]), f"{record['logit']:+.3f}", moved)
    console.print(table)
    console.print(
        "logit: what the class gains by the word; green speaks for it, red against. JS: how far the map moves when the word is taken away."
    )


def _records(found: WordEffects) -> list[dict[str, Any]]:
    return [
        {
            "word": word,
            "start": start,
            "end": end,
            "logit": float(logit),
            "js_bits": float(moved) if math.isfinite(moved) else None,
        }
        for word, (start, end), logit, moved in zip(found.words, found.spans, found.logit, found.js_bits, strict=True)
    ]


def _coloured(found: WordEffects) -> Text:
    """The text; each word's background is as strong as its effect on the logit, relative to the strongest."""
    line, end = Text(), 0
    strongest = float(abs(found.logit).max()) or 1.0
    for (start, stop), logit in zip(found.spans, found.logit, strict=True):
        line.append(found.text[end:start])
        faint = 235 - round(150 * abs(float(logit)) / strongest)
        colour = f"rgb({faint},235,{faint})" if logit >= 0 else f"rgb(235,{faint},{faint})"
        line.append(found.text[start:stop], style=f"black on {colour}")
        end = stop
    return line.append(found.text[end:])
