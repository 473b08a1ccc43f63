"""What an engine runs: any work that falls into items, each done on its own."""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result = TypeVar("Result")

Tell = Callable[[int], None]
"""Called with how many images are newly done."""


class Work(Protocol[Item_contra, Result]):
    """Work on items; travels to other processes, so it holds plain values only."""

    def workers(self, count: int | None) -> Sequence[Callable[[Item_contra, Tell], Result]]:
        """Workers that share this process, each doing one item at a time; None: as many as suit the machine."""

    def worker(self) -> Callable[[Item_contra, Tell], Result]:
        """The only worker of a process."""

    def name(self, item: Item_contra) -> str:
        """What an item is called in messages."""

    def done(self, result: Result) -> int:
        """How many images a result stands for."""


Engine = Callable[[Work[Item, Result], Iterable[Item], int | None, Tell], Generator[Result, None, None]]
"""Does every item, some at a time; items are taken as they are needed, results come as they are ready."""
