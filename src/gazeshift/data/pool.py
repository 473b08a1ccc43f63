"""Threads over many images: Pillow releases Python's global lock while it decodes and resizes."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[int, int], None]
"""Called with the number done and the total."""


def map_ordered(
    function: Callable[[T], R], items: Sequence[T], workers: int | None = None, progress: Progress | None = None
) -> list[R]:
    """``[function(item) for item in items]`` on threads; an interrupt or an error cancels what has not started.

    Args:
        function: must be safe to call from several threads.
        items: the items to process.
        workers: number of threads; one per CPU if None.
        progress: called after each item, from the calling thread.

    Example:
        >>> map_ordered(abs, [-1, 2, -3])
        [1, 2, 3]
    """
    pool = ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1)
    results = []
    try:
        for done, result in enumerate(pool.map(function, items), start=1):
            results.append(result)
            if progress:
                progress(done, len(items))
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def map_ahead(
    function: Callable[[T], R], items: Iterable[T], workers: int | None = None, ahead: int = 32
) -> Generator[R, None, None]:
    """``map(function, items)`` on threads that work ahead of the consumer, up to a limit.

    Close it (``contextlib.closing``) to cancel what has not started.

    Args:
        function: must be safe to call from several threads.
        items: the items to process; consumed lazily.
        workers: number of threads; one per CPU if None.
        ahead: how many results may be in progress or waiting.

    Example:
        >>> list(map_ahead(abs, [-1, 2, -3], ahead=2))
        [1, 2, 3]
    """
    pool = ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1)
    try:
        rest = iter(items)
        waiting: deque[Future[R]] = deque(pool.submit(function, item) for item in islice(rest, max(1, ahead)))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
