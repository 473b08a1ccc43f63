"""``gazeshift study``: run a study, write its report, say what came out."""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gazeshift.cli.printing import literal, terminal
from gazeshift.report import write
from gazeshift.study.load import read_study
from gazeshift.study.run import Outcome, run_study
from gazeshift.study.steps import StepRecord


def run_study_command(file: Path, out: Path, settings: Sequence[str], quiet: bool) -> int:
    """Run a study and write its report.

    Returns:
        0, or 1 if something the study expects did not come true.
    """
    study = read_study(file, settings)
    console = terminal(stderr=True)
    command = shlex.join(["gazeshift", *sys.argv[1:]])
    outcome = run_study(study, out, command, _announcer(console, quiet), progress=not quiet and console.is_terminal)
    outcome.steps.do("report", {"conclusion": outcome.conclusion.digest}, lambda _: _write(out), (out / "report.html",))
    _print(outcome, terminal(soft_wrap=True))
    terminal(soft_wrap=True).print(literal(f"report: {out / 'report.html'}"))
    return 0 if outcome.conclusion.passed else 1


def _write(out: Path) -> None:
    write(out)


def _announcer(console: Console, quiet: bool) -> Callable[[str | StepRecord], None]:
    def announce(event: str | StepRecord) -> None:
        if quiet:
            return
        if isinstance(event, StepRecord):
            state = f"{event.seconds:7.1f} s" if event.state == "done" else "   reused"
            console.print(literal(f"{state}  {event.name}"))

    return announce


def _print(outcome: Outcome, console: Console) -> None:
    summary = outcome.conclusion.summary
    table = Table(title="Accuracy on the test pairs", title_justify="left")
    for heading in ("model", "accuracy", "95 % interval", "pairs", "seeds"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name, splits in summary["accuracy"].items():
        figure = splits["test"]
        interval = "" if figure["interval"] is None else "{:.3f} to {:.3f}".format(*figure["interval"])
        table.add_row(name, f"{figure['mean']:.4f}", interval, str(figure["n"]), str(figure["seeds"]))
    console.print(table)
    if "ceiling" in summary["data"]:
        console.print(f"The best that an image alone allows here (ceiling): {summary['data']['ceiling']['test']:.3f}")
    for sentence in summary["headline"]:
        console.print(literal(sentence))
    for record in summary["checks"]:
        mark = ("met   ", "green") if record["passed"] else ("missed", "red")
        said = literal(f" {record['name']}: {record['found']} (wanted {record['wanted']})")
        console.print(Text.assemble(mark, said))
