"""``gazeshift explore``: a mixed model of what is associated with a shift, from a finished run."""

import json
import math
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from gazeshift.cli.printing import literal, terminal
from gazeshift.errors import UsageError
from gazeshift.study.explore import VALUES, explore_run, lead_of


def explore_command(run: Path, named: str | None, value: str, as_json: bool) -> None:
    """Fit and print; without a name, for the model that the study is about."""
    if value not in VALUES:
        raise UsageError(f"--value {value}: give one of {', '.join(VALUES)}.")
    model = named or lead_of(run)
    found = explore_run(run, model, value)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    title = f"{model}: {value} above that of made-up words (exploratory; no verdict depends on it)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("effect", "estimate", "95 % interval", "p", "p, adjusted"):
        table.add_column(heading, justify="left" if heading == "effect" else "right")
    for effect in found.effects:
        interval = f"{effect.low:+.4f} to {effect.high:+.4f}"
        adjusted = "" if math.isnan(effect.p_adjusted) else f"{effect.p_adjusted:.3g}"
        table.add_row(literal(effect.name), f"{effect.estimate:+.4f}", interval, f"{effect.p_value:.3g}", adjusted)
    console = terminal()
    console.print(table)
    spread = ", ".join(f"{name} {value:.2g}" for name, value in found.components.items())
    console.print(f"variances: {spread}; {found.rows} cells, {found.dropped} left out")
    for note in found.notes:
        console.print(literal(f"note: {note}"))
