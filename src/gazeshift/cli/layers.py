"""``gazeshift layers``: where a model can be explained."""

import json
from dataclasses import asdict
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from gazeshift.cli.opening import open_model
from gazeshift.cli.printing import literal, terminal
from gazeshift.models.addresses import Address
from gazeshift.saliency.layers import Layers, layers


def list_layers(address: Address, image: Path | None, as_json: bool) -> None:
    """Print every layer with a grid, and the one to take."""
    found = layers(open_model(address), image)
    if as_json:
        best = None if found.best is None else found.best.name
        typer.echo(
            json.dumps({"best": best, "layers": [asdict(each) for each in found.layers], "why_not": found.why_not})
        )
        return
    _print(found)


def _print(found: Layers) -> None:
    console = terminal()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("layer", "module", "output", "cells", "text"):
        table.add_column(heading, overflow="fold")
    for each in found.layers:
        cells = "several fit" if each.grid is None else f"{each.grid[0]} x {each.grid[1]}"
        name = f"{each.name} (part={each.part!r})" if each.part is not None else each.name
        again = f", {each.calls} calls: nth={each.calls - 1}" if each.calls > 1 else ""
        style = "bold green" if each == found.best else None
        shape = " x ".join(map(str, each.shape))
        table.add_row(
            literal(name + again), each.kind, shape, cells, "reaches it" if each.text_reaches else "free", style=style
        )
    console.print(table)
    for name, why in found.why_not.items():
        console.print(literal(f"{name}: not this one: {why}"))
    if found.best is None:
        console.print("No layer to take was found: mend what is said above, or name an earlier layer with layer=.")
        return
    part = "" if found.best.part is None else f", part={found.best.part!r}"
    nth = f", nth={found.best.calls - 1}" if found.best.calls > 1 else ""
    slow = " (the text reaches it: every text needs a pass of its own)" if found.best.text_reaches else ""
    console.print(literal(f"Take layer={found.best.name!r}{part}{nth}{slow}."))
