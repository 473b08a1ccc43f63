"""One request at a time, in the order in which they came, and of each page only its newest: nobody waits for maps of half a word."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAGES = 1000
"""Pages whose newest request is known; the one that asked longest ago is forgotten first."""

WAITING = 100
"""Requests that may wait, with the one that is answered; more are refused at once."""


class SupersededError(Exception):
    """The same page has asked for something newer since."""


class TooManyError(Exception):
    """So many requests wait that another would only wait longer."""


@dataclass(eq=False)
class Turns:
    """Whose turn it is. Who came first is first: a lock alone lets anybody go who happens to be awake."""

    _book: threading.Lock = field(default_factory=threading.Lock)
    _line: deque[threading.Event] = field(default_factory=deque)
    _newest: OrderedDict[str, int] = field(default_factory=OrderedDict)

    @contextmanager
    def turn(self, page: str) -> Iterator[None]:
        """Wait for one's turn.

        Args:
            page: who asks, and for what: a later request of the same page takes the place of one that still waits.

        Raises:
            SupersededError: a later one has come.
            TooManyError: too many wait.
        """
        number, mine = self._enter(page)
        try:
            mine.wait()
            if not self._is_newest(page, number):
                raise SupersededError
            yield
        finally:
            self._leave(mine)

    def _enter(self, page: str) -> tuple[int, threading.Event]:
        with self._book:
            if len(self._line) >= WAITING:
                raise TooManyError
            mine = threading.Event()
            self._line.append(mine)
            self._line[0].set()
            number = self._newest.get(page, 0) + 1
            self._newest[page] = number
            self._newest.move_to_end(page)
            while len(self._newest) > PAGES:
                self._newest.popitem(last=False)
            return number, mine

    def _leave(self, mine: threading.Event) -> None:
        with self._book:
            self._line.remove(mine)
            if self._line:
                self._line[0].set()

    def _is_newest(self, page: str, number: int) -> bool:
        with self._book:
            return self._newest.get(page, number) == number
