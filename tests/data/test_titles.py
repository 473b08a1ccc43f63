import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.data.findings import Finding
from gazeshift.data.titles import (
    drop_repeated_titles,
    mask_class_names,
    normalise_title,
    share_with_class_name,
    title_contains_class,
)
from gazeshift.pairs import Pair


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("apple_pie", "Best apple pie ever"),
        ("apple_pie", "APPLE-PIES!"),
        ("apple_pie", "my applepie"),
        ("apple_pie", "apple_pie_recipe"),
        ("creme_brulee", "Crème Brûlée"),
        ("crème_brûlée", "creme brulee"),
        ("churros", "A churro for you"),
        ("french_fries", "one french fry"),
        ("strawberry_shortcake", "strawberry shortcakes"),
        ("sandwich", "two sandwiches"),
        ("pho", "Pho (soup)"),
        ("寿司", "寿司 recipe"),
        ("寿司", "簡単な寿司の作り方"),
        ("パイ", "美味しいパイのレシピ"),
        ("pho", "phoのレシピ"),
        ("c++ soup", "C soup"),
    ],
)
def test_forms_that_count_as_the_class_name(label: str, text: str) -> None:
    assert title_contains_class(text, label)
    assert "[MASK]" in mask_class_names(text, ["other", label])


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("apple_pie", "apple tart and cherry pie"),
        ("apple_pie", "pineapple pie"),
        ("pho", "phone"),
        ("pho", "photo"),
        ("ramen", "framen"),
        ("パイ", "スパイス"),
        ("pho", "iphoneのレシピ"),
        ("apple_pie", ""),
        ("___", "anything ___"),
    ],
)
def test_what_is_not_the_class_name(label: str, text: str) -> None:
    assert not title_contains_class(text, label)
    assert mask_class_names(text, [label]) == text


def test_masks_keep_the_rest_and_prefer_long_names() -> None:
    classes = ["pie", "apple_pie", "donuts"]
    assert mask_class_names("Noël's Apple Pies, pie & 2 donuts…", classes) == "Noël's [MASK], [MASK] & 2 [MASK]…"
    assert mask_class_names("Apple Pie", classes, mask="this dish") == "this dish"


@given(st.text(), st.sampled_from(["apple_pie", "churros", "creme_brulee"]))
def test_a_masked_text_contains_no_class_name(text: str, label: str) -> None:
    masked = mask_class_names(f"{text} {label} {text}", [label], mask="#")
    assert "#" in masked
    assert not title_contains_class(masked, label)


def test_repeated_titles_are_kept_once_where_they_matter_most() -> None:
    rows = [
        ("a", "Pie", "train"),
        ("b", "Pie!", "train"),  # repeats a
        ("c", "Soup", "train"),  # recurs in validation
        ("d", "SOUP", "validation"),
        ("e", "Stew", "train"),  # recurs in test
        ("f", "stew", "test"),
        ("g", "stew", "test"),  # a test title twice
        ("h", "", "train"),
        ("i", "", "test"),
    ]
    pairs = [Pair(key, b"x", text, "pie", split) for key, text, split in rows]
    kept, dropped = drop_repeated_titles(pairs)
    assert "".join(pair.key for pair in kept) == "adfhi"
    assert dropped == [
        Finding("repeated title", "b", "same title as a (train)"),
        Finding("repeated title", "c", "same title as d (validation)"),
        Finding("repeated title", "e", "same title as f (test)"),
        Finding("repeated title", "g", "same title as f (test)"),
    ]


@given(st.lists(st.tuples(st.sampled_from(["", "a", "A!", "b", "ß", "SS"]), st.sampled_from(["train", "test"]))))
def test_dropping_is_complete(rows: list[tuple[str, str]]) -> None:
    pairs = [Pair(str(i), b"x", text, "pie", split) for i, (text, split) in enumerate(rows)]
    kept, dropped = drop_repeated_titles(pairs)
    titles = [normalise_title(pair.text) for pair in kept if pair.text]
    assert len(titles) == len(set(titles))
    assert len(kept) + len(dropped) == len(pairs)
    assert set(titles) == {normalise_title(pair.text) for pair in pairs if pair.text}


def test_the_share_counts_titles_alone() -> None:
    texts = ["apple pie", "a tart", "", "Apple Pies"]
    assert share_with_class_name([Pair(t, b"x", t, "apple_pie", "train") for t in texts]) == pytest.approx(2 / 3)
    assert share_with_class_name([]) is None
