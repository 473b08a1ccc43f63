"""Which pairs the report shows, against slow definitions."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.study.samples import choose

VALUES = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=30)


@given(values=VALUES, count=st.integers(1, 8))
def test_largest_smallest_and_random_pairs_are_chosen_once(values: list[float], count: int):
    differences = pd.Series(values, index=[f"pair {index}" for index in range(len(values))])
    chosen = choose(differences, count)
    assert len({key for key, _ in chosen}) == len(chosen)
    by_reason = {reason: [key for key, why in chosen if why == reason] for _, reason in chosen}
    defined = sorted(value for value in values if not np.isnan(value))
    largest = differences[by_reason.get("largest difference", [])].tolist()
    smallest = differences[by_reason.get("smallest difference", [])].tolist()
    assert largest == defined[::-1][:count]
    assert smallest == defined[: max(0, min(count, len(defined) - count))]
    rest = len(values) - len(largest) - len(smallest)
    assert len(by_reason.get("random", [])) == min(count, rest)
    assert choose(differences, count) == chosen


def test_with_one_model_there_is_no_difference_and_all_pairs_are_drawn():
    chosen = choose(pd.Series(np.nan, index=list("abcdef")), 4)
    assert [reason for _, reason in chosen] == ["random"] * 4
