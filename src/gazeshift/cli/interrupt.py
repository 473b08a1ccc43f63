"""Ctrl-C at the command line: one line and exit code 130, from the first import on."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

CODE = 130
"""The exit code that shells report for a program ended by Ctrl-C."""


def end_at_once() -> None:
    """Until ``interruptible`` work begins, Ctrl-C simply ends the process: nothing has been written that would need cleaning up.

    An exception would have to propagate through the imports of a hundred libraries, some of which swallow or print it.
    A Ctrl-C that is ignored, as for a command in the background, stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def interruptible(way_on: str = "") -> Iterator[None]:
    """Work that Ctrl-C ends with an exception, so that partial output is deleted, and then with one line.

    Args:
        way_on: how to continue, or what was not written; part of the line.
    """
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if here and before is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        if here and before is _end:
            signal.signal(signal.SIGINT, _end_silently)  # whoever presses it again need not read it again
        if os.environ.get("RANK", "0") == "0":  # of several processes that torchrun started, one says so
            print(f"gazeshift: interrupted{'; ' if way_on else '.'}{way_on}", file=sys.stderr, flush=True)
        raise SystemExit(CODE) from None
    else:
        if here and before is _end:
            signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"gazeshift: interrupted.\n")
    os._exit(CODE)


def _end_silently(number: int, frame: FrameType | None) -> None:
    os._exit(CODE)
