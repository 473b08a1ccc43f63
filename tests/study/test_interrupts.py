"""Ctrl-C, whenever it comes, is one line and exit code 130: tried on real processes, at places that say when they are there."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_study import write_yaml

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("interrupted.py")
SMALL = {"models": {"image-only": None}, "seeds": [0]}


def interrupted(command: list[object], stream: str, arrived: Callable[[str], bool]) -> tuple[int, list[str]]:
    """Send Ctrl-C as a terminal does, to all processes of a command, at a line that says so; exit code and lines of standard error."""
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a test run in the background ignores it, and so would its children
    try:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        lines = process.stdout if stream == "stdout" else process.stderr
        assert lines is not None
        assert any(arrived(line) for line in lines), f"ended before it came there: {process.communicate()}"
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    finally:
        process.kill()
    return process.returncode, [line for line in err.splitlines() if not line.startswith("import time:")]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("typer", "gazeshift: interrupted."),
        ("numpy.", "gazeshift: interrupted."),
        ("torch.", "gazeshift: interrupted."),
        # Imported when the study trains, among its work.
        ("lightning.", "gazeshift: interrupted; the same command continues where it stopped."),
    ],
)
def test_while_importing(tmp_path: Path, module: str, line: str) -> None:
    study = write_yaml(tmp_path, **SMALL)
    command = ["-X", "importtime", "-m", "gazeshift", "study", study, "--quiet", "--out", tmp_path / "run"]

    def arrived(told: str) -> bool:
        return told.startswith("import time:") and told.rsplit("|", 1)[-1].strip().startswith(module)

    assert interrupted(command, "stderr", arrived) == (130, [line])


GOES_ON = "gazeshift: interrupted; the same command continues where it stopped."
NOTHING = "gazeshift: interrupted; nothing was written."


@pytest.mark.parametrize(
    ("place", "arguments", "line"),
    [
        ("gazeshift.study.sources:read_pairs", ["study", "{study}", "--quiet", "--out", "{run}"], GOES_ON),
        ("gazeshift.study.conclude:summarise", ["study", "{study}", "--quiet", "--out", "{run}"], GOES_ON),
        ("gazeshift.cli.models:read_pairs", ["evaluate", "{model}", "--data", "{plates}"], "gazeshift: interrupted."),
        ("gazeshift.cli.explain:explain", ["explain", "{model}", "{picture}"], NOTHING),
        ("gazeshift.report.files:read_run", ["report", "{run}"], NOTHING),
        ("gazeshift.data.audit:audit", ["data", "check", "{plates}"], "gazeshift: interrupted."),
        # In worker processes, which leave the answer to the one that started them.
        ("gazeshift.data.plates.store:_write_chunk", ["data", "plates", "{new}", "--workers", "2", "--quiet"], NOTHING),
    ],
)
def test_while_working(tmp_path: Path, tiny_run: Path, place: str, arguments: list[str], line: str) -> None:
    run, new = tmp_path / "run", tmp_path / "new"
    shutil.copytree(tiny_run, run)
    (run / "steps" / "summary.json").unlink()
    places = {
        "study": write_yaml(tmp_path),
        "run": run,
        "model": run / "models" / "early-fusion" / "seed-0",
        "plates": run / "plates",
        "picture": next((run / "plates" / "images" / "test").rglob("*.png")),
        "new": new,
    }
    command = [DRIVER, place, *(argument.format(**places) for argument in arguments)]
    assert interrupted(command, "stdout", lambda told: told.startswith("here")) == (130, [line])
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".unfinished"]
    assert not new.exists()
