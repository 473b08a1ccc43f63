"""Processes that train together, started by hand: forks of one that has imported everything, so that a start takes no time."""
# ruff: noqa: T201

import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gazeshift.errors import GazeshiftError


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code; negative: the signal that ended it.
        at: when, by the machine's monotonic clock.
        said: what it printed to standard error.
    """

    code: int
    at: float
    said: str


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(size: int, work: Callable[[int], None], folder: Path) -> list[int]:
    """Fork processes that find in their environment what ``torchrun`` would tell them, and let each do ``work(rank)``.

    Args:
        size: how many.
        work: an error of gazeshift in it is printed as one line, as by the command line.
        folder: gets what each prints to standard error, ``RANK.txt``.

    Returns:
        Their process ids, by rank.
    """
    told = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    folder.mkdir(parents=True, exist_ok=True)
    started = []
    for rank in range(size):
        process = os.fork()
        if not process:
            _child(rank, {**told, "RANK": str(rank)} if size > 1 else {}, work, folder / f"{rank}.txt")
        started.append(process)
    return started


def _child(rank: int, told: dict[str, str], work: Callable[[int], None], said: Path) -> None:
    code = 0
    try:
        with said.open("wb") as file:
            os.dup2(file.fileno(), 2)
        os.environ.update(told)
        work(rank)
    except GazeshiftError as error:
        print(error, file=sys.stderr)
        code = error.exit_code
    except BaseException:
        traceback.print_exc()
        code = 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(started: list[int], folder: Path, limit: float, *, without: int | None = None) -> list[Ended | None]:
    """How each process ended; None: it still ran after ``limit`` seconds, or when all others had ended, and was killed.

    Args:
        started: the processes, by rank.
        folder: as for ``start``.
        limit: in seconds.
        without: the rank of one that nobody waits for.
    """
    begun, ended = time.monotonic(), dict[int, Ended]()
    awaited = set(range(len(started))) - {without}
    while not awaited <= ended.keys() and time.monotonic() - begun < limit:
        for rank, process in enumerate(started):
            if rank in ended:
                continue
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                said = (folder / f"{rank}.txt").read_text(encoding="utf-8", errors="replace")
                ended[rank] = Ended(os.waitstatus_to_exitcode(status), time.monotonic(), said)
        time.sleep(0.01)
    for rank, process in enumerate(started):
        if rank not in ended:
            os.kill(process, 9)
            os.waitpid(process, 0)
    return [ended.get(rank) for rank in range(len(started))]
