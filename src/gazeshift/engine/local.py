"""Work in this process: each item on a thread, as many at a time as there are workers."""

from collections.abc import Generator, Iterable
from contextlib import closing
from queue import SimpleQueue
from threading import Event

from gazeshift.data.pool import map_ahead
from gazeshift.engine.work import Item, Result, Tell, Work


class Ended(Exception):  # noqa: N818  # no error: nobody wants the item any more
    """Ends the work on an item when its run has ended."""


def local(
    work: Work[Item, Result], items: Iterable[Item], workers: int | None, tell: Tell
) -> Generator[Result, None, None]:
    """Do items on threads of this process: no server, no other process. PyTorch lets other threads run while it computes.

    Args:
        work: what is done.
        items: taken as they are needed.
        workers: items at a time; None: as many as suit the machine.
        tell: called with how many images are newly done, from any thread.
    """
    made = work.workers(workers)
    free: SimpleQueue = SimpleQueue()
    for worker in made:
        free.put(worker)
    ended = Event()

    def still_wanted(images: int) -> None:
        if ended.is_set():
            raise Ended
        tell(images)

    def do(item: Item) -> Result:
        worker = free.get()
        try:
            return worker(item, still_wanted)
        finally:
            free.put(worker)

    with closing(map_ahead(do, items, len(made), ahead=len(made) + 1)) as done:
        try:
            yield from done
        finally:
            ended.set()  # before the threads are waited for: nobody waits for an item that nobody wants
