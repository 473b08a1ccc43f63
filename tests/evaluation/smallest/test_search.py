"""The search against a brute-force enumeration that knows nothing of it, on values that are drawn at random."""

import hashlib
import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeshift.evaluation.smallest.changes import Changes, order
from gazeshift.evaluation.smallest.search import search

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=5)
SUBSTITUTES = st.lists(st.sampled_from(["b", "x", "y"]), max_size=3, unique=True)


class Values:
    """A value for every text, drawn from its letters: some above 0, some undefined, some equal to others."""

    def __init__(self, seed: int, least: float, noise: float = 0.0, *, fine: bool = False) -> None:
        self.seed, self.least, self.noise, self.fine = seed, least, noise, fine
        self.asked: list[str] = []

    def of(self, text: str) -> float:
        drawn = hashlib.sha256(f"{self.seed} {text}".encode()).digest()
        if drawn[0] < 25:
            return math.nan
        if self.fine:  # no two are equal
            return self.least + 0.31 * int.from_bytes(drawn[1:7]) / 2**48
        return self.least + drawn[1] // 8 / 100 + self.noise * drawn[2] / 255

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.array([self.of(text) for text in texts])


def texts_by_changes(words: list[str], substitutes: list[str]) -> dict[int, set[str]]:
    """Every text that can be made, by the number of words that were changed."""
    kept = object()
    found: dict[int, set[str]] = {}
    for choice in product(*([kept, None, *(s for s in substitutes if s != word)] for word in words)):
        size = sum(each is not kept for each in choice)
        left = [word if each is kept else each for word, each in zip(words, choice, strict=True) if each is not None]
        found.setdefault(size, set()).add(" ".join(map(str, left)))
    return found


def low(value: float) -> float:
    return -math.inf if math.isnan(value) else value


@settings(max_examples=300)
@given(TEXTS, SUBSTITUTES, st.integers(0, 10**6), st.sampled_from([-0.105, -0.285, -0.295, -0.305, -0.405]))
def test_one_and_two_changes_are_those_of_brute_force(
    words: list[str], substitutes: list[str], seed: int, least: float
) -> None:
    ask, changes = Values(seed, least), Changes.of(" ".join(words), substitutes)
    found = search(changes, ask, most=2)
    every = texts_by_changes(words, substitutes)
    best = {size: max(low(ask.of(text)) for text in every[size]) for size in every if size <= 2}
    first = next((size for size in sorted(best) if best[size] > 0), None)
    value = low(ask.of(changes.apply(found.edit)))
    assert found.exact
    assert found.reached == (first is not None)
    if first is not None:
        assert len(found.edit) == first
        assert value == pytest.approx(best[first], abs=1e-5)
    else:
        assert value == pytest.approx(max(best.values()), abs=1e-5)
    assert len(ask.asked) == len(set(ask.asked)) == found.tried + 1
    seen = set().union(*(every[size] for size in every if size <= (2 if first is None else first)))
    assert set(ask.asked) == seen
    assert found.undefined == sum(math.isnan(ask.of(text)) for text in set(ask.asked) - {changes.text})


def by_single_steps(changes: Changes, ask: Values, most: int) -> float:
    """The best value on the path that takes the best single change each time."""
    edit, best = (), low(ask.of(changes.text))
    for _ in range(most):
        further = list(changes.extended(edit))
        if best > 0 or not further:
            break
        edit = min(further, key=lambda each: (-low(ask.of(changes.apply(each))), order(each)))
        best = max(best, low(ask.of(changes.apply(edit))))
    return best


@settings(max_examples=200)
@given(TEXTS, SUBSTITUTES, st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 400))
def test_greedy_reaches_at_least_what_single_steps_reach(
    words: list[str], substitutes: list[str], seed: int, most: int, limit: int
) -> None:
    changes = Changes.of(" ".join(words), substitutes)
    ask = Values(seed, -0.4, fine=True)  # never reached, so that every size is tried
    found = search(changes, ask, most)
    value = low(ask.of(changes.apply(found.edit)))
    assert not found.reached
    assert value >= by_single_steps(changes, ask, most) - 1e-5
    assert found.exhausted == min(2, most, len(words))
    assert found.exact == (min(most, len(words)) <= 2)
    short = search(changes, Values(seed, -0.4, fine=True), most, limit)
    assert short.tried <= limit
    assert short.exhausted <= found.exhausted
    assert short.exact == (short.exhausted >= min(most, len(words)))
    assert short.stopped or short.tried < limit or short.exact


@settings(max_examples=200)
@given(TEXTS, SUBSTITUTES, st.integers(0, 10**6), st.sampled_from([-0.105, -0.295, -0.405]))
def test_rounding_changes_nothing(words: list[str], substitutes: list[str], seed: int, least: float) -> None:
    """Equal effects that another processor computes slightly differently are still equal."""
    changes = Changes.of(" ".join(words), substitutes)
    plain, noisy = (search(changes, Values(seed, least, noise), most=5) for noise in (0.0, 1e-7))
    assert plain == noisy


def test_equal_effects_go_to_the_beginning_of_the_text() -> None:
    changes = Changes.of("a b c", ["x", "y"])
    found = search(changes, lambda texts: np.array([1.0 if text != "a b c" else -1.0 for text in texts]))
    assert found.edit == ((0, 0),)
    found = search(changes, lambda texts: np.array([1.0 if "x" in text or "y" in text else -1.0 for text in texts]))
    assert changes.apply(found.edit) == "x b c"


def test_a_text_that_is_there_already_needs_no_change() -> None:
    found = search(Changes.of("a b"), lambda texts: np.ones(len(texts)))
    assert (found.edit, found.reached, found.exact, found.tried) == ((), True, True, 0)


def test_where_no_change_comes_closer_there_is_none() -> None:
    found = search(Changes.of("a b"), lambda texts: np.array([-1.0 if text == "a b" else math.nan for text in texts]))
    assert (found.edit, found.reached, found.exact, found.undefined) == ((), False, True, 3)


def test_three_changes_where_all_three_are_needed_and_steps_show_the_way() -> None:
    changes = Changes.of("a b c d", ["x"])
    found = search(changes, lambda texts: np.array([text.count("x") - 2.5 for text in texts]))
    assert changes.apply(found.edit) == "x x x d"
    assert (found.reached, found.exact, found.exhausted) == (True, False, 2)


def test_pairs_beyond_the_limit_are_greedy_and_say_so() -> None:
    changes = Changes.of("a b c d", [f"x{number}" for number in range(20)])
    found = search(changes, lambda texts: np.array([text.count("x7") - 1.5 for text in texts]), limit=500)
    assert changes.count(1) == 84
    assert changes.apply(found.edit) == "x7 x7 c d"
    assert (found.reached, found.exact, found.exhausted, found.stopped) == (True, False, 1, False)
    cut = search(changes, lambda texts: np.array([text.count("x7") - 1.5 for text in texts]), limit=40)
    assert (cut.tried, cut.exhausted, cut.exact, cut.reached, cut.stopped) == (40, 0, False, False, True)


def test_each_batch_is_bounded() -> None:
    sizes: list[int] = []

    def ask(texts: Sequence[str]) -> np.ndarray:
        sizes.append(len(texts))
        return np.full(len(texts), -1.0)

    told: list[int] = []
    found = search(Changes.of("a b c d e", [f"x{number}" for number in range(60)]), ask, most=2, progress=told.append)
    assert sum(sizes) > 30_000
    assert told == sorted(set(told))
    assert told[-1] == found.tried
    assert max(sizes) <= 1024
