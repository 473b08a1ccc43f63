"""``gazeshift data check``: decode a whole data set, and report its contents and its problems."""

import json
from collections import defaultdict
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gazeshift.cli.printing import literal, plain, terminal
from gazeshift.data.addresses import Root
from gazeshift.data.audit import Audit, audit
from gazeshift.data.decode import MAX_PIXELS
from gazeshift.data.findings import KINDS, Finding, clipped
from gazeshift.data.regions.check import RegionCounts
from gazeshift.data.sources import load_pairs
from gazeshift.errors import UsageError


def check_data(
    root: Root,
    format: str,
    *,
    image_column: str | None,
    text_column: str | None,
    label_column: str | None,
    split_column: str | None,
    region_column: str | None,
    regions: Sequence[str],
    regions_file: str | None,
    show: int,
    max_pixels: int | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Decode every image and print the findings. Exit code 0: clean (a study of these pairs would run), 1: findings."""
    pair_set = load_pairs(
        root,
        format,
        image_column=image_column,
        text_column=text_column,
        label_column=label_column,
        split_column=split_column,
        region_column=region_column,
        regions=columns_of_regions(regions),
        regions_file=regions_file,
    )
    console = terminal(stderr=True)
    bar = (TextColumn("decoding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*bar, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task("decoding", total=len(pair_set.pairs))
        found = audit(
            pair_set,
            max_pixels=max_pixels or MAX_PIXELS,
            workers=workers,
            progress=lambda done, _: progress.update(task, completed=done),
        )
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        _print(found, terminal(), show)
    return 1 if found.findings else 0


def columns_of_regions(given: Sequence[str]) -> dict[str, str]:
    """The columns that a command line gives for further regions, by the region's name.

    Raises:
        UsageError: something else than NAME=COLUMN.

    Example:
        >>> columns_of_regions(["person=mask_person"])
        {'person': 'mask_person'}
    """
    return dict(map(_named, given))


def _named(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise UsageError(f"--region {text}: give NAME=COLUMN, for example person=mask_person.")
    return name, column


def _print(found: Audit, console: Console, show: int) -> None:
    layout = f"  layout {found.format}, fingerprint {found.fingerprint[:12]}"
    console.print(Text.assemble((plain(found.root), "bold"), layout))
    console.print(_splits(found))
    console.print(_facts(found))
    if len(found.classes) <= 25:
        console.print(_classes(found))
    for note in found.notes:
        console.print(literal(f"note: {note}"), soft_wrap=True)
    if not found.findings:
        console.print("[green]clean: no findings[/]")
        return
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        by_kind[finding.kind].append(finding)
    console.print(f"[bold yellow]{len(found.findings):,} finding{'s' if len(found.findings) != 1 else ''}[/]")
    for kind in found.counts:
        _print_kind(kind, by_kind[kind], console, show)


def _print_kind(kind: str, findings: Sequence[Finding], console: Console, show: int) -> None:
    console.print(f"[yellow]{len(findings):,} x {kind}[/] - {KINDS[kind]}")
    for finding in findings[:show]:
        console.print(literal(f"    {finding.key}  {finding.detail}".rstrip()), soft_wrap=True)
    if len(findings) > show > 0:
        console.print(f"    ... and {len(findings) - show:,} more (--show, --json)")


def _splits(found: Audit) -> Table:
    table = Table("split", box=None, header_style="bold")
    for heading in ("pairs", "smallest / largest class", "titles with class name", "repeated titles"):
        table.add_column(heading, justify="right")
    for split, count in found.pairs.items():
        named, balance = found.title_contains_class_by_split[split], f"{found.balance[split]:.2f}"
        table.add_row(split, f"{count:,}", balance, _percent(named), f"{found.titles_repeated[split]:,}")
    return table


def _facts(found: Audit) -> Table:
    counts = found.counts
    table = Table(box=None, show_header=False)
    table.add_row("pairs", f"{sum(found.pairs.values()):,}")
    table.add_row("classes", f"{len(found.classes):,}")
    table.add_row("missing", ", ".join(f"{what} {counts.get(f'missing {what}', 0):,}" for what in _MISSING))
    table.add_row("corrupt", ", ".join(f"{what} {counts.get(f'corrupt {what}', 0):,}" for what in ("image", "mask")))
    across = counts.get("duplicate image across splits", 0)
    within, keys = counts.get("duplicate image", 0), counts.get("duplicate row", 0)
    table.add_row("duplicates", f"images within a split {within:,}, across splits {across:,}, rows {keys:,}")
    shared, pairs = found.titles_shared_train_test, found.test_pairs_with_training_title
    table.add_row("titles shared by train and test", f"{shared:,} ({pairs:,} test pairs)")
    table.add_row("titles that contain the class name", _percent(found.title_contains_class))
    if found.image_sides:
        table.add_row("short side, pixels", "smallest {}, median {}, largest {}".format(*found.image_sides))
    if found.regions:
        table.add_row("regions", _regions(found.regions))
    return table


def _regions(found: RegionCounts) -> str:
    kinds = f", {found.boxed:,} of them in boxes" if found.boxed else ""
    names = f"{found.names:,} name{'s' if found.names != 1 else ''}"
    area = "" if found.share != found.share else f"; they cover {100 * found.share:.1f} % of their images on average"
    return f"in {found.pairs:,} pairs, of {names}; the text refers to one in {found.referred:,}{kinds}{area}"


_MISSING = ("image", "text", "class")


def _classes(found: Audit) -> Table:
    table = Table("class", box=None, header_style="bold")
    for split in found.pairs:
        table.add_column(split, justify="right")
    for label, counts in found.classes.items():
        table.add_row(literal(clipped(label)), *(f"{count:,}" for count in counts.values()))
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
