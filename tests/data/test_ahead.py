"""Blocks fetched ahead: the same bytes in any order, few requests in order, exact ones at random."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.data import ahead as module
from gazeshift.data.ahead import Ahead

FILE = np.random.default_rng(0).bytes(5000)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Requests to a file in memory."""
    requests: list[tuple[int, int]] = []

    def stretch(_: str, start: int, size: int) -> bytes:
        requests.append((start, size))
        return FILE[start : start + size]

    monkeypatch.setattr(module, "stretch", stretch)
    return requests


@given(
    st.lists(st.tuples(st.integers(0, 4999), st.integers(1, 300)), max_size=40),
    st.integers(1, 900),
    st.integers(0, 500),
)
def test_bytes_are_those_of_the_file(reads: list[tuple[int, int]], size: int, near: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "stretch", lambda _, start, count: FILE[start : start + count])
        reader = Ahead(size, near)
        for start, count in reads:
            assert reader.read("s3://b/a.tar", start, count) == FILE[start : start + count]


def test_in_order_one_request_fetches_many(asked: list[tuple[int, int]]) -> None:
    reader = Ahead(1000, 50)
    for start in range(0, 5000, 100):
        reader.read("s3://b/a.tar", start, 80)
    assert len(asked) <= 7


def test_far_from_each_other_each_is_fetched_alone(asked: list[tuple[int, int]]) -> None:
    reader = Ahead(1000, 50)
    for start in (4000, 100, 2000, 3000, 500):
        reader.read("s3://b/a.tar", start, 80)
    assert asked == [(start, 80) for start in (4000, 100, 2000, 3000, 500)]


def test_threads_get_the_bytes_they_asked_for(asked: list[tuple[int, int]]) -> None:
    reader = Ahead(1000, 400)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: reader.read("s3://b/a.tar", start, 80), range(0, 5000, 100)))
    assert found == [FILE[start : start + 80] for start in range(0, 5000, 100)]
