from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeshift.data.splits import limit, with_test, with_validation
from gazeshift.data.titles import normalise_title
from gazeshift.errors import UsageError
from gazeshift.pairs import Pair


def make(n: int, *, titles: int = 10**6, classes: int = 2, split: str = "train") -> list[Pair]:
    return [
        Pair(f"{split}/{i}.png", Path(f"{split}/{i}.png"), f"title {i % titles}", f"class{i % classes}", split)
        for i in range(n)
    ]


def split_of(pairs: list[Pair]) -> dict[str, str]:
    return {pair.key: pair.split for pair in pairs}


pair_lists = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", "one", "two", "three"]), st.sampled_from(["train", "test"])),
    max_size=40,
).map(
    lambda rows: [Pair(f"{i}.png", Path(f"{i}.png"), text, label, split) for i, (label, text, split) in enumerate(rows)]
)


@settings(max_examples=60)
@given(pair_lists, st.floats(0, 0.9))
def test_validation_is_the_right_share_of_every_class_and_never_test(pairs: list[Pair], fraction: float) -> None:
    result = with_validation(pairs, fraction)
    assert [pair.key for pair in result] == [pair.key for pair in pairs]
    assert [p.key for p in result if p.split == "test"] == [p.key for p in pairs if p.split == "test"]
    sizes = Counter(pair.label for pair in pairs if pair.split == "train")
    drawn = Counter(pair.label for pair in result if pair.split == "validation")
    for label, size in sizes.items():
        least = 1 if fraction and size > 1 else 0
        assert drawn[label] == max(round(fraction * size), least)


def test_the_split_hangs_on_the_keys_alone() -> None:
    pairs = make(60)
    assert split_of(with_validation(pairs[::-1])) == split_of(with_validation(pairs))
    assert split_of(with_validation(pairs, salt="other")) != split_of(with_validation(pairs))


def test_titles_stay_on_one_side() -> None:
    sides = defaultdict(set)
    for pair in with_validation(make(120, titles=40), 0.2):
        sides[pair.text].add(pair.split)
    assert all(len(side) == 1 for side in sides.values())


def test_few_titles_do_not_empty_the_validation_split() -> None:
    assert Counter(pair.split for pair in with_validation(make(40, titles=1), 0.25))["validation"] == 10


def test_a_sources_own_validation_split_is_kept() -> None:
    pairs = [*make(10), *make(3, split="validation")]
    assert with_validation(pairs, 0.5) == pairs


def test_a_test_split_where_there_is_none() -> None:
    assert Counter(pair.split for pair in with_test(make(40))) == {"train": 30, "test": 10}


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_shares_out_of_range(fraction: float) -> None:
    with pytest.raises(UsageError, match="fraction"):
        with_validation(make(4), fraction)


def test_limit_takes_the_same_few_of_each_split_and_class() -> None:
    pairs = [*make(30), *make(10, split="test")]
    few = limit(pairs, 3)
    assert Counter((pair.split, pair.label) for pair in few) == {
        (split, label): 3 for split in ("train", "test") for label in ("class0", "class1")
    }
    assert set(few) == set(limit(pairs[::-1], 3))
    assert set(few) <= set(limit(pairs, 4))  # more is a superset: a larger run holds the smaller one
    assert limit(pairs, 99) == pairs
    with pytest.raises(UsageError, match="1 or more"):
        limit(pairs, 0)


def test_normalised_titles_keep_other_scripts_apart() -> None:
    titles = ["김밥", "국밥", "ハンバーグ", "ばんばーぐ", "щи", "ши", "दाल", "दिल"]
    assert len({normalise_title(title) for title in titles}) == len(titles)
    assert normalise_title("ＡＰＰＬＥ Pie") == normalise_title("apple pie") == normalise_title(" Apple-Pie!")
