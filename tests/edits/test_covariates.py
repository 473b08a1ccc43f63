import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.edits import Corpus, WholeWords, is_truncated, reads_alike, word_use

TITLES = st.lists(st.text("red Bluepi ", min_size=1, max_size=12).filter(str.strip), max_size=6)


@pytest.mark.slow
@given(cake=TITLES, pie=TITLES, word=st.sampled_from(["red", "blue", "pi", "e"]))
def test_frequency_and_association_by_hand(cake: list[str], pie: list[str], word: str) -> None:
    use = word_use(Corpus({"cake": tuple(cake), "pie": tuple(pie)}, ("cake", "pie")), [word])[word]
    table = np.ones((2, 2))  # title holds the word or not, by class
    for column, titles in enumerate((cake, pie)):
        for title in titles:
            table[0 if word in title.casefold().split() else 1, column] += 1
    p = table / table.sum()
    assert use.titles == table[0].sum() - 2
    assert use.absent == (use.titles == 0)
    assert use.frequency == pytest.approx(use.titles / max(1, len(cake) + len(pie)))
    for column, label in enumerate(("cake", "pie")):
        assert use.pmi[label] == pytest.approx(math.log2(p[0, column] / (p[0].sum() * p[:, column].sum())))


def test_words_are_whole_but_not_in_scripts_without_spaces() -> None:
    use = word_use(Corpus({"a": ("Red, hot", "reddish", "赤いりんご")}, ("a", "b")), ["red", "赤い", "dish"])
    assert {word: found.titles for word, found in use.items()} == {"red": 1, "赤い": 1, "dish": 0}
    assert use["dish"].absent


@pytest.mark.parametrize(
    ("before", "after", "limit", "alike", "cut"),
    [
        ("a b c", "A B C", 3, True, False),
        ("a b c", "a b c red", 3, True, True),
        ("a b c", "red a b c", 3, False, True),
        ("a b c", "a b c red", None, False, False),
    ],
)
def test_texts_that_read_as_before_or_lose_their_end(
    before: str, after: str, limit: int | None, alike: bool, cut: bool
) -> None:
    assert reads_alike(before, after, WholeWords(), limit) is alike
    assert is_truncated(after, WholeWords(), limit) is cut
