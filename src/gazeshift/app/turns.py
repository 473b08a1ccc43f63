"""One request at a time, and of each page only its newest: who types does not wait for maps of half a word."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAGES = 1000
"""Pages whose newest request is known; the one that asked longest ago is forgotten first."""

WAITING = 100
"""Requests that may wait; more are refused at once."""


class SupersededError(Exception):
    """The same page has asked for something newer since."""


class TooManyError(Exception):
    """So many requests wait that another would only wait longer."""


@dataclass(eq=False)
class Turns:
    """Whose turn it is."""

    _busy: threading.Lock = field(default_factory=threading.Lock)
    _book: threading.Lock = field(default_factory=threading.Lock)
    _newest: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _waiting: int = 0

    @contextmanager
    def turn(self, page: str) -> Iterator[None]:
        """Wait for one's turn.

        Args:
            page: who asks, and for what: a later request of the same page takes the place of one that still waits.

        Raises:
            SupersededError: a later one has come.
            TooManyError: too many wait.
        """
        number = self._enter(page)
        try:
            with self._busy:
                if self._is_newest(page, number):
                    yield
                    return
        finally:
            with self._book:
                self._waiting -= 1
        raise SupersededError

    def _enter(self, page: str) -> int:
        with self._book:
            if self._waiting >= WAITING:
                raise TooManyError
            self._waiting += 1
            number = self._newest.get(page, 0) + 1
            self._newest[page] = number
            self._newest.move_to_end(page)
            while len(self._newest) > PAGES:
                self._newest.popitem(last=False)
            return number

    def _is_newest(self, page: str, number: int) -> bool:
        with self._book:
            return self._newest.get(page, number) == number
