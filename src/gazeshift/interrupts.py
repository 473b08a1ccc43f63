"""Ctrl-C where there are several processes: the terminal sends it to all of them, and one answers."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started in the block never hear Ctrl-C, from their first instruction on: whoever started them ends them.

    A Ctrl-C of the meantime reaches this process when the block ends. Where the system has no signal masks (Windows) nothing changes.

    Example:
        >>> with deaf_children():
        ...     signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        True
    """
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        yield
        return
    before = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, before)
