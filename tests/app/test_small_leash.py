"""A command on a leash ends, with its children, when it is told to and when nobody holds the leash any more."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gazeshift.app.small.running import LEASH

SLEEP = "import time; time.sleep(600)"
PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); print('both', flush=True); {SLEEP}"
)

Leashed = subprocess.Popen[bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_text("x")
    return tmp_path / "root"


@pytest.fixture
def leashed(folder: Path) -> Iterator[Leashed]:
    arguments = [sys.executable, "-m", LEASH, str(folder), sys.executable, "-c", PARENT]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"both\n"
        yield process
        process.kill()


def ended(process: Leashed) -> bool:
    """Whether all have ended who could write to its output, the grandchild among them."""
    assert process.stdout is not None
    return process.stdout.read() == b""


def test_told_to_stop_it_ends_all_and_leaves_the_folder(leashed: Leashed, folder: Path) -> None:
    assert leashed.stdin is not None
    leashed.stdin.write(b"s")
    leashed.stdin.flush()
    assert ended(leashed)
    assert leashed.wait() == 128 + signal.SIGKILL
    assert folder.exists()


def test_let_go_it_ends_all_and_removes_the_folder(leashed: Leashed, folder: Path) -> None:
    assert leashed.stdin is not None
    leashed.stdin.close()  # as when whoever started it is killed
    assert ended(leashed)
    leashed.wait()
    assert not folder.exists()


def test_a_command_that_ends_gives_its_exit_code(folder: Path) -> None:
    arguments = [sys.executable, "-m", LEASH, str(folder), sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE) as process:
        assert process.wait() == 7
    assert folder.exists()
