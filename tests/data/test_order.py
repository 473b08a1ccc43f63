"""The order of reading: nothing lost, nothing twice, the same everywhere, for any number of processes and any mixture of blocks."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.data.order import MIXED, reading_order
from gazeshift.data.references import GROUPS_KEPT, ParquetCell
from gazeshift.errors import UsageError
from gazeshift.pairs import Pair


def pairs_in(blocks: list[int | None]) -> list[Pair]:
    """One pair for each entry: read alone (None), or in a block of its number."""
    cell = ParquetCell("s3://b/x.parquet", 0, 0, "image", "", None, None)
    images = [b"x" if block is None else replace(cell, row=row, block=f"x#{block}") for row, block in enumerate(blocks)]
    return [Pair(f"{row}.png", image, "", "pie", "train") for row, image in enumerate(images)]


blocks = st.lists(st.one_of(st.none(), st.integers(0, 4)), max_size=60)


@given(blocks, st.integers(1, 9), st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 3))
def test_the_parts_of_all_ranks_are_every_pair_once(
    of: list[int | None], ranks: int, seed: int | None, epoch: int
) -> None:
    pairs = pairs_in(of)
    parts = [reading_order(pairs, seed, epoch, rank=rank, ranks=ranks) for rank in range(ranks)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(pairs)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert np.array_equal(np.concatenate(parts), reading_order(pairs, seed, epoch))  # one order, cut into parts
    again = [reading_order(list(pairs), seed, epoch, rank=rank, ranks=ranks) for rank in range(ranks)]
    assert all(map(np.array_equal, parts, again))


@pytest.mark.parametrize("of", [[None] * 40, [row // 5 for row in range(40)]], ids=["alone", "blocks of 5"])
def test_seeds_and_epochs_have_their_own_order(of: list[int | None]) -> None:
    pairs = pairs_in(of)
    orders = {tuple(reading_order(pairs, seed, epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert reading_order(pairs, None).tolist() == list(range(40))


def test_every_position_is_equally_likely_where_pictures_are_read_alone() -> None:
    first = np.array([reading_order(pairs_in([None] * 4), seed)[0] for seed in range(2000)])
    counts = np.bincount(first, minlength=4)
    assert np.all(np.abs(counts - 500) < 5 * np.sqrt(2000 * 0.25 * 0.75)), (
        counts
    )  # five standard deviations of a binomial


def test_a_block_is_read_once_while_as_many_are_kept_as_are() -> None:
    pairs = pairs_in([row // 5 for row in range(200)])
    order = reading_order(pairs, 3)
    kept: list[int] = []
    read = 0
    for block in (row // 5 for row in order):
        if block not in kept:
            read, kept = read + 1, [*kept, block][-GROUPS_KEPT:]
    assert read == 40
    assert MIXED < GROUPS_KEPT
    runs = [block for block, _ in groupby(int(row) // 5 for row in order)]
    assert len(runs) > 60, "pairs of two blocks are mixed"


@pytest.mark.parametrize(("rank", "ranks"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_that_there_is_not_is_refused(rank: int, ranks: int) -> None:
    with pytest.raises(UsageError, match="rank"):
        reading_order(pairs_in([None]), 0, rank=rank, ranks=ranks)
