"""Progress lines on the standard error stream, so that the standard output stays clean for results."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def bar(enabled: bool) -> Progress:
    """A progress line with description, bar and time to go; it writes nothing where not enabled."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not enabled,
    )


def tracked(steps: Iterable[T], description: str, total: int, enabled: bool) -> Iterator[T]:
    """Go through ``steps`` with a progress line.

    Example:
        >>> list(tracked([1, 2], "Features", total=2, enabled=False))
        [1, 2]
    """
    with bar(enabled) as progress:
        task = progress.add_task(description, total=total)
        for step in steps:
            yield step
            progress.advance(task)
