"""Crossed modifiers: matched by pieces, the same for everyone, and true, elsewhere or absent as the scene has it."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.edits import BARE, WholeWords, crossed_texts, matched_modifiers, shipped
from gazeshift.edits.lexicon import Lexicon
from gazeshift.errors import ConfigError
from gazeshift.pairs import Pair

from .scene import PAIR, SCENE

LEXICON = Lexicon(
    "own",
    "en",
    "{modifier} {noun}",
    {"colour": ("red", "green", "tan", "mauve", "crimson"), "position": ("top", "left", "upper", "far", "rightmost")},
    {"crimson": "red", "upper": "top"},
)


class ByLength(WholeWords):
    """A letter is a piece; q is unknown."""

    def split(self, text: str) -> tuple[str, ...]:
        return tuple(text.replace(" ", ""))

    def knows(self, word: str) -> bool:
        return bool(word) and "q" not in word


def test_kinds_have_equally_many_words_of_the_same_number_of_pieces() -> None:
    matched = matched_modifiers(LEXICON, ByLength())
    # Two words of each kind have three letters, one of each has five.
    assert matched.pieces == 3
    assert matched.words == {"colour": ("red", "tan"), "position": ("top", "far")}
    assert matched.excluded_counts() == {kind: {"a different number of pieces": 3} for kind in ("colour", "position")}


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.text("xq", min_size=1, max_size=4), min_size=2, unique=True), min_size=1
    ),
    st.integers(0, 9),
)
def test_the_choice_is_the_best_there_is(kinds: Mapping[str, list[str]], seed: int) -> None:
    lexicon = Lexicon("any", "en", "{modifier} {noun}", {kind: tuple(words) for kind, words in kinds.items()}, {})
    counts = {
        length: min(sum(len(word) == length and "q" not in word for word in words) for words in kinds.values())
        for length in range(1, 5)
    }
    if max(counts.values()) < 2:
        with pytest.raises(ConfigError, match=r"lexicon any: only [01] of"):
            matched_modifiers(lexicon, ByLength(), seed=seed)
        return
    matched = matched_modifiers(lexicon, ByLength(), seed=seed)
    assert matched == matched_modifiers(lexicon, ByLength(), seed=seed)
    assert matched.per_kind == max(counts.values()) == counts[matched.pieces]
    for kind, words in kinds.items():
        assert {*matched.words[kind], *matched.excluded[kind]} == set(words)
        assert not set(matched.words[kind]) & set(matched.excluded[kind])
        assert {word: reason for word, reason in matched.excluded[kind].items() if "q" in word} == {
            word: "unknown to the tokenizer" for word in words if "q" in word
        }


def test_a_draw_of_fewer_depends_on_the_seed_alone() -> None:
    drawn = {matched_modifiers(shipped("english"), WholeWords(), 10, seed).words["colour"] for seed in range(5)}
    assert len(drawn) == 5
    assert all(len(words) == 10 for words in drawn)
    again = matched_modifiers(shipped("english"), WholeWords(), 10, 3)
    assert again.words == matched_modifiers(shipped("english"), WholeWords(), 10, 3).words
    assert again.excluded_counts()["colour"] == {"not drawn": len(shipped("english").kinds["colour"]) - 10}


def test_a_word_that_is_cut_differently_beside_a_noun_is_left_out() -> None:
    class Merging(ByLength):
        def split(self, text: str) -> tuple[str, ...]:
            return super().split(text.replace("tan pie", "tanpi"))

    lexicon = replace(LEXICON, kinds={"colour": ("red", "tan", "sky"), "position": ("top", "far", "low")})
    assert matched_modifiers(lexicon, Merging()).per_kind == 3
    matched = matched_modifiers(lexicon, Merging(), nouns=["pie", "tart"])
    assert matched.words["colour"] == ("red", "sky")
    assert matched.excluded["colour"] == {"tan": "split differently next to a noun"}
    assert set(matched.excluded["position"].values()) == {"not drawn"}


def test_words_that_training_never_saw_can_be_left_out() -> None:
    matched = matched_modifiers(LEXICON, WholeWords(), seen={"red", "tan", "mauve", "left", "top", "pie"})
    assert matched.words["position"] == ("top", "left")
    assert matched.per_kind == 2
    assert matched.excluded["colour"]["crimson"] == "not in the training titles"


def test_too_few_is_one_line_that_says_which_kind_and_what_to_do() -> None:
    lexicon = replace(LEXICON, kinds={"colour": ("red", "tan"), "position": ("top", "upper", "q")})
    said = (
        "lexicon own: only 1 of 3 position words can be matched, and 2 are needed (1 split into a different number "
        "of pieces than the other kinds, 1 unknown to the tokenizer); add position words to your own lexicon, or match fewer kinds."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}$"):
        matched_modifiers(lexicon, ByLength())
    with pytest.raises(ConfigError, match=r"only 0 of 2 colour .*; use a lexicon in the language"):
        matched_modifiers(replace(LEXICON, kinds={"colour": ("q", "qq")}), ByLength())
    with pytest.raises(ConfigError, match=r"only 1 of 5 colour .*4 not in the training titles.*; add colour"):
        matched_modifiers(LEXICON, WholeWords(), seen=["red", "top", "left"])
    with pytest.raises(ConfigError, match="no words of kind 'taste'"):
        matched_modifiers(LEXICON, ByLength(), kinds=["taste"])
    with pytest.raises(ConfigError, match="1 words per kind are too few"):
        matched_modifiers(LEXICON, ByLength(), per_kind=1)


def crossed(pair: Pair) -> dict[str, tuple[str, str | None, int | None]]:
    matched = matched_modifiers(LEXICON, WholeWords())
    return {
        crossed.word or BARE: (crossed.text, crossed.truth, crossed.refers) for crossed in crossed_texts(pair, matched)
    }


def test_truth_is_read_from_the_scene() -> None:
    found = crossed(SCENE)
    assert found[BARE] == ("apple pie", None, 1)
    assert found["red"] == ("red apple pie", "true", 1)
    assert found["crimson"] == ("crimson apple pie", "true", 1)
    assert found["green"] == ("green apple pie", "elsewhere", 2)
    assert found["mauve"] == ("mauve apple pie", "absent", None)
    assert found["left"] == ("left apple pie", "true", 1)
    assert found["upper"] == ("upper apple pie", "elsewhere", 2)
    # No caption says of any object that it is far: the scene may only not have words for it.
    assert found["far"] == ("far apple pie", "unknown", None)


def test_two_objects_of_a_colour_are_elsewhere_but_not_one_of_them() -> None:
    third = replace(SCENE.objects[1], name="cake", index=3)
    assert crossed(replace(SCENE, objects=(*SCENE.objects, third)))["green"][1:] == ("elsewhere", None)


def test_the_noun_is_the_label_even_where_the_text_refers_to_another_object() -> None:
    objects = tuple(replace(scene_object, referred=not scene_object.referred) for scene_object in SCENE.objects)
    assert crossed(replace(SCENE, objects=objects)) == crossed(SCENE)


def test_without_a_scene_nothing_is_known() -> None:
    found = crossed(PAIR)
    assert found.pop(BARE) == ("apple pie", None, None)
    assert {rest[1:] for rest in found.values()} == {("unknown", None)}


def test_material_and_nonsense_are_never_known() -> None:
    texts = crossed_texts(SCENE, matched_modifiers(shipped("english"), WholeWords(), 5, kinds=["material", "nonsense"]))
    assert {modified.truth for modified in texts[1:]} == {"unknown"}


@given(st.text(min_size=1, max_size=20))
def test_the_same_texts_for_every_pair_of_a_class(label: str) -> None:
    matched = matched_modifiers(LEXICON, WholeWords())
    texts = [crossed_texts(Pair(key, b"", key, label, "test"), matched) for key in ("a", "b")]
    assert [modified.text for modified in texts[0]] == [modified.text for modified in texts[1]]
    assert len(texts[0]) == 1 + 2 * matched.per_kind
    noun = texts[0][0].text
    assert all(
        re.fullmatch(rf"{modified.word} {re.escape(noun)}".strip(), modified.text) for modified in texts[0][1:] if noun
    )
