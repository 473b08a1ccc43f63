"""Several files in parallel, one process each; the results do not depend on the number of processes."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeshift.errors import GazeshiftError, UsageError
from gazeshift.interrupts import deaf_children
from gazeshift.mapstore.measure import measure_names
from gazeshift.mapstore.scan import Scanned, scan

_EVERY = 0.2  # seconds between checks of the processes' progress

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """One file to scan.

    Attributes:
        path: of the maps.
        weight: its share of the work: its number of rows.
        rows: file for the measures of every map; None to skip them.
        wasserstein: number of pairs to draw.
        seed: random seed of the draw.
    """

    path: Path
    weight: int
    rows: Path | None
    wasserstein: int
    seed: int


def scan_all(jobs: Sequence[Job], workers: int, progress: Progress) -> list[Scanned]:
    """Scan files, each in its own process, at most ``workers`` at a time; in this process if there is one worker or one file.

    If one fails, or the user interrupts, the others end at once.

    Args:
        jobs: the files.
        workers: processes.
        progress: called with the number of rows done in all files, and their total.

    Raises:
        UsageError: the processes do not know a measure that this one knows.
        GazeshiftError: what ``scan`` raises, or a process was killed.
    """
    total = sum(job.weight for job in jobs)
    if min(workers, len(jobs)) == 1:
        done = [0] * len(jobs)
        return [_scan(place, job, done, lambda: progress(sum(done), total)) for place, job in enumerate(jobs)]
    # Spawned, not forked: a fork would copy the locks of threads that pyarrow and BLAS hold.
    context = multiprocessing.get_context("spawn")
    state = context.RawArray("q", len(jobs) + 1)  # rows done of each file, and whether to stop
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, _begin, (state,))
    with deaf_children():
        futures = [pool.submit(_scan_in_worker, place, job, measure_names()) for place, job in enumerate(jobs)]
    try:
        _watch(futures, lambda: progress(sum(state[:-1]), total))
        return [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise GazeshiftError(
            "a worker process was killed, perhaps because memory ran out, or because a script calls this outside "
            "``if __name__ == '__main__':``; use one worker (--workers 1)."
        ) from error
    except BaseException:
        state[-1] = 1
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _watch(futures: Sequence[Future[Scanned]], tell: Callable[[], None]) -> None:
    """Wait until all are done or one has failed."""
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_EVERY)
        for future in done:
            future.result()
        tell()


def _scan(place: int, job: Job, done: Any, tell: Callable[[], None]) -> Scanned:
    """Scan one file, keeping count of its rows in ``done[place]``."""

    def count(maps: int, total: int) -> None:
        done[place] = job.weight * maps // total
        tell()

    return scan(job.path, job.rows, wasserstein=job.wasserstein, seed=job.seed, progress=count)


_state: Any = None  # of a worker: rows done of each file, and whether to stop


def _begin(state: Any) -> None:
    """A worker's first step: leave Ctrl-C to the parent, and end when told to or when the parent has died for any reason."""
    global _state  # noqa: PLW0603  # an initialiser has no other way to hand over what only inheritance can
    _state = state
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_in_time, args=(multiprocessing.parent_process(), state), daemon=True).start()


def _end_in_time(parent: Any, state: Any) -> None:
    while parent.is_alive() and not state[-1]:
        time.sleep(_EVERY)
    os._exit(1)  # the parent removes what it was writing


def _scan_in_worker(place: int, job: Job, measures: tuple[str, ...]) -> Scanned:
    """Scan one file, unless this process has other measures than the one that asks, which may have been given more at run time."""
    if unknown := sorted({*measures} ^ {*measure_names()}):
        raise UsageError(
            f"the processes that measure maps do not know {', '.join(unknown)}: add a measure to MAP_MEASURES outside "
            "``if __name__ == '__main__':``, or give one worker (workers=1)."
        )
    return _scan(place, job, _state, lambda: None)
