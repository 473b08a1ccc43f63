"""Columns of the data as text edits, and the words in which texts differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.edits import ColumnTexts, Corpus, Edited, WholeWords, column_edit
from gazeshift.edits.difference import changed_words
from gazeshift.pairs import Pair, SceneObject

WORDS = st.lists(st.sampled_from(["a", "red", "blue", "car", "dog", "on", "grass"]), max_size=8)


def edited(pair: Pair, texts: ColumnTexts) -> Edited | None:
    return column_edit(texts)(Corpus({}, ()), WholeWords())(pair, np.random.default_rng(0))


def pair(text: str, other: str | None, *objects: tuple[str, bool]) -> Pair:
    scene = tuple(SceneObject(name, "", index, refers) for index, (name, refers) in enumerate(objects, start=1))
    further = () if other is None else (("other", other),)
    return Pair("a", b"", text, "car", "test", objects=scene, further=further)


@pytest.mark.parametrize(
    ("kind", "name", "truth"),
    [
        (None, "column:other", None),
        ("false-colour", "false-colour", ("false", "colour")),
        ("absent-place", "absent-place", ("absent", "place")),
        ("paraphrase", "paraphrase", None),
        ("falsehood", "falsehood", None),
        ("false-", "false-", None),
    ],
)
def test_what_a_column_is_called_and_says(kind: str | None, name: str, truth: tuple[str, str] | None) -> None:
    texts = ColumnTexts("other", kind)
    assert (texts.name, texts.truth) == (name, truth)
    assert "other" in texts.description


@pytest.mark.parametrize("other", [None, "a red car"])
def test_a_pair_without_another_text_is_left_out(other: str | None) -> None:
    assert edited(pair("a red car", other), ColumnTexts("other")) is None


def test_the_text_of_another_column_is_not_taken() -> None:
    assert edited(pair("a red car", "a blue car"), ColumnTexts("elsewhere")) is None


SCENE = (("car", True), ("dog", False), ("tree", False))


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("a blue car", 1),  # about what the own text is about
        ("Two dogs", 2),
        ("a dog under a tree", None),  # two others: about neither alone
        ("nothing at all", 1),
    ],
)
def test_which_object_a_text_refers_to(text: str, index: int | None) -> None:
    assert edited(pair("a red car", text, *SCENE), ColumnTexts("other")) == Edited(text, index)


def test_what_both_texts_name_is_no_other_object() -> None:
    found = edited(pair("a car and a dog", "a blue car and a dog", *SCENE), ColumnTexts("other"))
    assert found == Edited("a blue car and a dog", 1)


def test_the_object_may_be_given() -> None:
    found = edited(pair("a red car", "he wears red", *SCENE), ColumnTexts("other", refers="Tree"))
    assert found == Edited("he wears red", 3)
    assert edited(pair("a red car", "he wears red", *SCENE), ColumnTexts("other", refers="man")) == Edited(
        "he wears red", None
    )


def test_the_words_that_differ_are_found_whatever_their_case_and_punctuation() -> None:
    found = changed_words("A man in a RED shirt, surfing.", "a man in a blue shirt surfing")
    assert (found.before, found.after) == (("red",), ("blue",))
    found = changed_words("赤いりんご", "青いりんご")
    assert (found.before, found.after) == (("赤",), ("青",))


@given(WORDS, WORDS)
def test_the_words_that_differ_account_for_both_texts(first: list[str], second: list[str]) -> None:
    found = changed_words(" ".join(first), " ".join(second))
    assert sorted([*first, *found.after]) == sorted([*second, *found.before])
    assert (found.before, found.after) == ((), ()) or first != second


@given(WORDS)
def test_a_text_does_not_differ_from_itself(words: list[str]) -> None:
    assert changed_words(" ".join(words), " ".join(words)).before == ()
