"""The shares of a batch hold every pair once, whatever the number of processes and parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.training.inputs import Requests
from gazeshift.training.shares import Division, Share

RANKS, PARTS = st.integers(1, 5), st.integers(1, 4)


@given(st.integers(1, 60), st.integers(1, 9))
def test_shares_of_a_batch_are_the_batch(whole: int, count: int) -> None:
    shares = [Share.of(whole, index, count) for index in range(count)]
    covered = [row for share in shares for row in range(share.start, share.start + share.count)]
    assert covered == list(range(whole))
    assert max(share.count for share in shares) - min(share.count for share in shares) <= 1
    assert sum(share.weight for share in shares) == pytest.approx(1)
    for share in shares:
        computed = np.arange(whole)[share.rows]
        assert len(computed) == min(max(share.count, 2), whole)
        if share.count:
            assert computed[share.own].tolist() == list(range(share.start, share.start + share.count))
        else:
            assert (len(computed[share.own]), share.weight) == (len(computed), 0)


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 3), RANKS, PARTS)
def test_an_epoch_of_all_processes_is_that_of_one(count: int, size: int, epoch: int, ranks: int, parts: int) -> None:
    alone = list(Requests(count, size, 7, epoch, Division()))
    together = [list(Requests(count, size, 7, epoch, Division(rank, ranks, parts))) for rank in range(ranks)]
    assert {len(requests) for requests in together} == {len(alone) * parts}  # all take as many steps
    assert len(Requests(count, size, 7, epoch, Division(0, ranks, parts))) == len(alone) * parts
    for step, request in enumerate(alone):
        seen = []
        for own in together:
            for part in own[step * parts : (step + 1) * parts]:
                np.testing.assert_array_equal(part.rows, request.rows)
                seen += part.rows[part.share.start : part.share.start + part.share.count].tolist()
        assert seen == request.rows.tolist()
    assert sorted(row for request in alone for row in request.rows.tolist()) == list(range(count))
