"""``gazeshift study``: run a study, write its report, print the outcome."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gazeshift.cli.printing import literal, terminal
from gazeshift.data.addresses import without_secrets
from gazeshift.errors import UsageError
from gazeshift.runs.folder import RunFolder
from gazeshift.runs.record import Step
from gazeshift.runs.summary import Summary
from gazeshift.study.load import read_study
from gazeshift.study.run import run_study
from gazeshift.study.steps import Announce, Event, Notice
from gazeshift.training.ranks import Ranks


def run_study_command(file: Path, out: Path, settings: Sequence[str], quiet: bool) -> int:
    """Run a study and write its report.

    Returns:
        0, or 1 if an expectation of the study was not met.
    """
    if Ranks.told(os.environ).size > 1:
        raise UsageError("gazeshift study runs in one process; gazeshift train trains one of its models in several.")
    study = read_study(file, settings)
    console = terminal(stderr=True)
    command = shlex.join(["gazeshift", *map(without_secrets, sys.argv[1:])])
    summary = run_study(study, out, command, _announcer(console, quiet), progress=not quiet and console.is_terminal)
    _print(summary, terminal(soft_wrap=True))
    terminal(soft_wrap=True).print(literal(f"report: {RunFolder(out).report}"))
    return 0 if summary.passed else 1


def _announcer(console: Console, quiet: bool) -> Announce:
    def announce(event: Event) -> None:
        if quiet:
            return
        if isinstance(event, Step):
            state = f"{event.seconds:7.1f} s" if event.state == "done" else "   reused"
            console.print(literal(f"{state}  {event.name}"))
        elif isinstance(event, Notice):
            console.print(literal(event.text), soft_wrap=True)

    return announce


def _print(summary: Summary, console: Console) -> None:
    table = Table(title="Accuracy on the test pairs", title_justify="left")
    for heading in ("model", "accuracy", "95 % interval", "pairs", "seeds"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name, splits in summary.accuracy.items():
        figure = splits["test"]
        mean = "" if figure.mean is None else f"{figure.mean:.4f}"
        interval = "" if figure.interval is None else " to ".join(f"{bound:z.3f}" for bound in figure.interval)
        table.add_row(name, mean, interval, str(figure.n), str(figure.seeds))
    console.print(table)
    if summary.data.ceiling:
        console.print(
            f"Highest accuracy possible here from the image alone (ceiling): {summary.data.ceiling['test']:.3f}"
        )
    for sentence in summary.headline:
        console.print(literal(sentence))
    for record in summary.checks:
        mark = ("met   ", "green") if record.passed else ("missed", "red")
        said = literal(f" {record.name}: {record.found} (wanted {record.wanted})")
        console.print(Text.assemble(mark, said))
