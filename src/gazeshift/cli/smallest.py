"""``gazeshift smallest``: the fewest words to change so that the map moves, or the class switches."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
from gazeshift.drawing.numbers import number_or_none
from gazeshift.drawing.remarks import CUT
from gazeshift.errors import UsageError
from gazeshift.evaluation.smallest import SmallestEdit, smallest_edit
from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given
from gazeshift.models.addresses import Address

ANY = "any"
"""What stands for every other class on the command line."""


@dataclass(frozen=True)
class Sought:
    """What is to be reached.

    Attributes:
        goal: its name.
        region: as on the command line.
        to: threshold or class.
        by: distance instead.
    """

    goal: str
    region: str | None = None
    to: float | str | None = None
    by: float | None = None


@dataclass(frozen=True)
class Sources:
    """Where substitutes come from.

    Attributes:
        words: separated by commas.
        lexicon: kinds.
        corpus: a text file or a data root.
        top: how many words of it.
    """

    words: str | None
    lexicon: tuple[str, ...]
    corpus: Path | None
    top: int

    def said(self, model: Classifier | Given) -> dict[str, Any]:
        """As ``smallest_edit`` takes them."""
        corpus = None if self.corpus is None else _texts(self.corpus, model)
        named = {"words": self.words, "lexicon": list(self.lexicon) or None, "corpus": corpus}
        return {name: value for name, value in named.items() if value is not None}


def goal_of(
    *, off: str | None, onto: str | None, shift: float | None, switch: str | None, to: float | None, by: float | None
) -> Sought:
    """The one goal that a command line names.

    Raises:
        UsageError: none, several, or a threshold that it does not have.

    Example:
        >>> goal_of(off="1,2,3,4", onto=None, shift=None, switch=None, to=0.1, by=None)
        Sought(goal='off', region='1,2,3,4', to=0.1, by=None)
    """
    named = {"--off": off, "--onto": onto, "--shift": shift, "--switch": switch}
    given = [name for name, value in named.items() if value is not None]
    if len(given) != 1:
        raise UsageError(
            "name one goal: --off REGION, --onto REGION, --shift BITS or --switch CLASS (any for any other)."
        )
    if given[0] in {"--shift", "--switch"} and not (to is None and by is None):
        raise UsageError(f"--to and --by go with --off and --onto, not with {given[0]}.")
    if switch is not None:
        return Sought("class", to=None if switch == ANY else switch)
    if shift is not None:
        return Sought("shift", to=shift)
    if to is not None and by is not None:
        raise UsageError("--to and --by: give one of them.")
    return Sought("off" if off is not None else "onto", off if off is not None else onto, to, by)


def find_smallest(
    address: Address,
    image: Path,
    text: str,
    sought: Sought,
    sources: Sources,
    *,
    delete: bool,
    spans: Sequence[str],
    most: int,
    limit: int,
    target: str,
    method: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Search, print what was found, and draw it on request."""
    check_asked(image, target, None)
    if out is not None:
        if out.suffix.lower() != ".png":
            raise UsageError(f"--out {out}: give a name that ends in .png.")
        check_picture(out, image)
    region = None if sought.region is None else _region(sought.region)
    model = open_model(address)
    with _counting() as tell:
        found = smallest_edit(
            model, image, text, sought.goal, region=region, to=sought.to, by=sought.by, substitutes=sources.said(model), top=sources.top,
            delete=delete, most=most, limit=limit, target=target, method=method, spans=spans_of(text, spans), progress=tell,
        )  # fmt: skip
    cut = model.heard([text]).truncated[0]
    if out is not None:
        _draw(model, image, found, out)
    if as_json:
        typer.echo(json.dumps(_record(found, cut), ensure_ascii=False))
        return
    _print(found, cut)
    if out is not None:
        terminal().print(literal(f"drawn: {out}"), soft_wrap=True)


def _region(given: str) -> tuple[float, ...] | Path:
    """A box, or the file of a mask.

    Raises:
        UsageError: neither.
    """
    try:
        numbers = tuple(map(float, given.split(",")))
    except ValueError:
        numbers = ()
    if len(numbers) == 4:
        return numbers
    if not Path(given).is_file():
        raise UsageError(
            f"region {given}: give LEFT,UPPER,RIGHT,LOWER in the picture's pixels, or a mask file; there is no such file."
        )
    return Path(given)


def _texts(corpus: Path, model: Classifier | Given) -> Path | list[str]:
    """A text file as it is; of anything else, the training texts."""
    if corpus.suffix.lower() in {".txt", ""} and not corpus.is_dir():
        return corpus
    from gazeshift.cli.maps import pairs_for

    return [pair.text for pair in pairs_for(model, str(corpus), "train", ("image",))]


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """The number of texts tried so far, on a terminal."""
    console = terminal(stderr=True)
    if not console.is_terminal:
        yield lambda tried: None
        return
    with console.status("") as status:
        yield lambda tried: status.update(f"{tried:,} texts tried")


def _print(found: SmallestEdit, cut: bool) -> None:
    """The text with its changes marked, before and after in a table, and what is proven."""
    console = terminal()
    console.print(_marked(found), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for heading in ("before", "after"):
        table.add_column(heading, overflow="fold", justify="right")
    if found.region.any():
        table.add_row("share of the map on the region", *map(_number, found.mass))
    if found.goal == "class":
        table.add_row("lead of the new class (logits)", f"{found.before:+.3f}", f"{found.after:+.3f}")
    table.add_row("predicted class", *map(literal, found.predicted))
    table.add_row("class of the map", *map(literal, found.explained))
    table.add_row("map moved (JS, bits)", "", _number(found.js_bits))
    console.print(table)
    for said in (found.outcome, found.proof):
        console.print(literal(said), soft_wrap=True)
    if found.region.any():
        said = f"The region is {found.area:.3f} of the picture: the share of a map that lies everywhere alike."
        console.print(said, soft_wrap=True)
    for note in (*found.notes, *([CUT] if cut else [])):
        console.print(literal(note), soft_wrap=True)


def _marked(found: SmallestEdit) -> Text:
    """The text; what is deleted and replaced in brackets, for terminals without colours."""
    line, pieces = Text(), found.pieces
    for index, (kind, said) in enumerate(pieces):
        replaced = kind == "old" and index + 1 < len(pieces) and pieces[index + 1][0] == "new"
        if kind == "old":
            line.append("[" if replaced else "[-").append(plain(said), style="red strike").append(
                " -> " if replaced else "-]"
            )
        elif kind == "new":
            line.append(plain(said), style="green").append("]")
        else:
            line.append(plain(said))
    return line


def _number(value: float) -> str:
    return "-" if number_or_none(value) is None else f"{value:.3f}"


def _draw(model: Classifier | Given, image: Path, found: SmallestEdit, out: Path) -> None:
    """The picture, whole or not at all; says which characters it lacks."""
    from gazeshift.drawing.edit_sheet import EditPanel, edit_sheet

    shares = [f", {_number(mass)} on the region" if found.region.any() else "" for mass in found.mass]
    panels = [
        EditPanel("the image"),
        EditPanel(f"whole text: map of “{found.explained[0]}”{shares[0]}", found.maps[0]),
        EditPanel(f"changed: map of “{found.explained[1]}”{shares[1]}", found.maps[1]),
    ]
    sheet = edit_sheet(
        model.view(decode(image, image.name)), found.pieces, panels, found.region, f"{found.outcome} {found.proof}"
    )
    with atomic_write(out) as file:
        sheet.image.save(file, "PNG")
    tell_missing(out, sheet.missing)


def _record(found: SmallestEdit, cut: bool) -> dict[str, Any]:
    """For programs; what cannot be measured is null."""
    plain_fields = (
        "goal",
        "wanted",
        "threshold",
        "text",
        "new_text",
        "reached",
        "exact",
        "exhausted",
        "tried",
        "undefined",
    )
    return {
        **{name: getattr(found, name) for name in plain_fields},
        "changes": [asdict(change) for change in found.changes],
        "before": number_or_none(found.before),
        "after": number_or_none(found.after),
        "explained": found.explained,
        "predicted": found.predicted,
        "mass": [number_or_none(mass) for mass in found.mass],
        "js_bits": number_or_none(found.js_bits),
        "area": found.area,
        "unknown": found.unknown,
        "outcome": found.outcome,
        "proof": found.proof,
        "notes": found.notes,
        "truncated": cut,
    }
