"""Ctrl-C with several processes: the terminal sends it to all of them, and only one handles it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started in the block never receive Ctrl-C, from their first instruction on: the parent ends them.

    A Ctrl-C during the block reaches this process when the block ends. On systems without signal masks (Windows) nothing changes.

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
