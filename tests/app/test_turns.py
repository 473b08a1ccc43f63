"""One at a time, and of each page only the newest. No clock is asked: threads wait for each other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gazeshift.app import turns as module
from gazeshift.app.turns import SupersededError, TooManyError, Turns


@contextmanager
def busy(turns: Turns) -> Iterator[threading.Event]:
    """A turn that lasts until it is told to end."""
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn("holder"):
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(60)
    try:
        yield end
    finally:
        end.set()
        thread.join(60)


def waiting(turns: Turns, page: str, found: dict[str, str], name: str) -> threading.Thread:
    """A request that is in the book before this returns."""
    entered, enter = threading.Event(), turns._enter

    def entering(page: str) -> tuple[int, threading.Event]:
        place = enter(page)
        entered.set()
        return place

    def ask() -> None:
        try:
            with turns.turn(page):
                found[name] = "answered"
        except SupersededError:
            found[name] = "superseded"

    turns._enter = entering  # type: ignore[method-assign]
    thread = threading.Thread(target=ask)
    thread.start()
    entered.wait(60)
    turns._enter = enter  # type: ignore[method-assign]
    return thread


def test_a_newer_request_of_the_same_page_takes_the_place_of_one_that_waits() -> None:
    turns, found = Turns(), dict[str, str]()
    with busy(turns) as end:
        threads = [
            waiting(turns, page, found, name) for page, name in (("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3"))
        ]
        end.set()
        for thread in threads:
            thread.join(60)
    assert found == {"a1": "superseded", "b1": "answered", "a2": "superseded", "a3": "answered"}
    with turns.turn("a"):
        pass


def test_who_came_first_is_first() -> None:
    turns, found, pages = Turns(), dict[str, str](), [f"page {number}" for number in range(20)]
    with busy(turns) as end:
        threads = [waiting(turns, page, found, page) for page in pages]
        end.set()
        for thread in threads:
            thread.join(60)
    assert list(found.items()) == [(page, "answered") for page in pages]


def test_only_one_at_a_time() -> None:
    turns, inside, most = Turns(), [0], [0]

    def ask(page: str) -> None:
        with turns.turn(page):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1

    threads = [threading.Thread(target=ask, args=(f"{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1]


def test_too_many_are_refused_and_a_failure_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 2)
    turns = Turns()
    for _ in range(5):
        with pytest.raises(ValueError, match="mine"), turns.turn("page"):
            raise ValueError("mine")
    with busy(turns) as end:
        found: dict[str, str] = {}
        thread = waiting(turns, "a", found, "a")
        with pytest.raises(TooManyError), turns.turn("b"):
            pass
        end.set()
        thread.join(60)
    assert found == {"a": "answered"}


def test_pages_are_forgotten_but_not_their_newest_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES", 1)
    turns = Turns()
    for page in ("a", "b", "a"):
        with turns.turn(page):
            pass
    assert len(turns._newest) == 1
