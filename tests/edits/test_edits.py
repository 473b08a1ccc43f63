"""Every single edit: any text, the same every time, and what each promises."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gazeshift.edits import (
    EDITS,
    FLOORS,
    Corpus,
    Edited,
    WholeWords,
    find_lexicon,
    random_for,
    shipped,
)
from gazeshift.edits.modifiers import PAPER_COLOUR, PAPER_POSITION
from gazeshift.errors import ConfigError
from gazeshift.pairs import Pair, SceneObject

from .scene import CORPUS, PAIR, SCENE

WORDS = WholeWords()
TITLE = st.text("abc ABé蜂蜜パイ&-'!", max_size=40)


def edit(name: str, pair: Pair = PAIR, corpus: Corpus = CORPUS, seed: int = 0) -> Edited | None:
    return EDITS[name](corpus, WORDS)(pair, random_for(name, pair.key, seed))


def text(name: str, title: str, corpus: Corpus = CORPUS, label: str = PAIR.label, seed: int = 0) -> str | None:
    edited = edit(name, replace(PAIR, text=title, label=label), corpus, seed)
    return None if edited is None else edited.text


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITS)
@given(title=st.text(max_size=60) | TITLE)
def test_every_edit_takes_any_text_and_is_the_same_every_time(name: str, title: str) -> None:
    first, second = text(name, title), text(name, title)
    assert first == second
    if first is not None and name not in {"original", "paper-colour", "paper-position", "empty"} and title.strip():
        assert first != title


def test_the_floors_are_edits_from_no_change_to_no_text() -> None:
    assert set(FLOORS) <= set(EDITS)
    assert [text(name, "apple pie") for name in (FLOORS[0], FLOORS[-1])] == ["apple pie", ""]


def test_the_papers_texts_are_verbatim() -> None:
    assert text("paper-colour", "x") == PAPER_COLOUR == "red tomato ketchup"
    assert text("paper-position", "x") == PAPER_POSITION == "top left white plate"


@pytest.mark.parametrize("seed", range(5))
def test_titles_come_from_the_class_they_should(seed: int) -> None:
    assert text("same-class", "apple pie", seed=seed) == "pie of the day"
    assert text("other-class", "apple pie", seed=seed) in CORPUS.titles["tart"]


def test_other_classes_are_drawn_evenly_however_many_titles_they_have() -> None:
    corpus = Corpus({"a": ("x",), "b": tuple(f"b {n}" for n in range(99)), "c": ("c",)}, ("a", "b", "c"))
    drawn = Counter(str(text("other-class", "x", corpus, "a", seed))[0] for seed in range(400))
    assert 150 < drawn["c"] < 250


@given(own=st.text("ab ", min_size=1), titles=st.lists(st.text("ab ", min_size=1), min_size=1))
def test_the_title_of_the_same_length_is_the_nearest_there_is(own: str, titles: list[str]) -> None:
    titles = [title for title in titles if title.strip() and title != own]
    assume(own.strip() and titles)
    found = text("other-class-same-length", own, Corpus({"b": tuple(titles), "a": (own,)}, ("a", "b")), "a")
    count = len(own.split())
    assert found in titles
    assert abs(len(found.split()) - count) == min(abs(len(title.split()) - count) for title in titles)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Shrimp and Grits", "Shrimp & Grits"),
        ("Mac & Cheese", "Mac and Cheese"),
        ("Mac &amp; Cheese", "Mac and Cheese"),
        ("M&M's cake", "M&M’s cake"),
        ("Cr&egrave;me", "how to make Cr&egrave;me"),
        ("pie w/o sugar", "pie without sugar"),
        ("pie w/ cream", "pie with cream"),
        ("Pie vs. Tart", "Pie versus Tart"),
        ("Recipe for Apple Pie", "Apple Pie recipe"),
        ("Apple Pie Recipes", "Apple Pie recipe"),
        ("apple pie recipe", "apple pie recipes"),
        ("How to make pie", "how to prepare pie"),
        ("Pie | The Kitchen", "Pie, The Kitchen"),
        ("Grandma’s pie", "Grandma's pie"),
        ("pie", "how to make pie"),
        ("A young woman on skis", "a photo of a young woman on skis"),
        ("two cats", "a photo of two cats"),
        ("Anise cookies", "how to make Anise cookies"),
        ("a dog and a cat", "a dog & a cat"),
        ("りんごパイのレシピ", "りんごパイの作り方"),
        ("りんごパイ", "りんごパイの作り方"),
    ],
)
def test_paraphrases(title: str, expected: str) -> None:
    assert text("paraphrase", title) == expected


_SMALL = {
    "and",
    "amp",
    "with",
    "without",
    "w",
    "o",
    "vs",
    "versus",
    "recipe",
    "recipes",
    "for",
    "how",
    "to",
    "make",
    "prepare",
}


@given(
    st.lists(
        st.sampled_from(["pie", "and", "&", "w/", "Recipe", "for", "M&M's", "-", "vs", "red", "how to make", "’s"])
    )
)
def test_a_paraphrase_keeps_the_words_that_say_what_it_is(parts: list[str]) -> None:
    def content(title: str) -> Counter[str]:
        return Counter(word for word in re.findall(r"[a-z]+", title.lower()) if word not in _SMALL)

    title = " ".join(parts)
    changed = text("paraphrase", title)
    assert changed is None or content(changed) == content(title)


def test_a_rule_that_the_tokenizer_cannot_see_is_passed_over() -> None:
    class LettersOnly(WholeWords):
        def split(self, text: str) -> tuple[str, ...]:
            return super().split(re.sub(r"[^a-zA-Z]", " ", text))

    pair = replace(PAIR, text="Pie | our recipe")
    edited = EDITS["paraphrase"](CORPUS, LettersOnly())(replace(pair, text="Pie | Home"), random_for("", ""))
    assert edited == Edited("how to make Pie | Home")


@given(TITLE)
def test_shuffling_keeps_every_word(title: str) -> None:
    changed = text("shuffle", title)
    spaced = len(title.split()) > 1
    if changed is not None:
        assert Counter(changed.split() if spaced else changed) == Counter(title.split() if spaced else title.strip())
        assert changed.casefold() != " ".join(title.split()).casefold()
    elif spaced:
        assert len({word.casefold() for word in title.split()}) == 1


@pytest.mark.parametrize("title", ["pie", "Pie pie PIE", "", "  "])
def test_one_order_only_cannot_be_shuffled(title: str) -> None:
    assert text("shuffle", title) is None


def test_japanese_words_are_told_apart_by_their_script() -> None:
    assert text("shuffle", "簡単アップルパイ") == "アップルパイ簡単"


@pytest.mark.slow
@given(TITLE)
def test_random_words_are_as_many_and_from_the_training_titles(title: str) -> None:
    changed = text("random-words", title)
    vocabulary = {word for titles in CORPUS.titles.values() for own in titles for word in own.split()}
    if len(title.split()) > 1:
        bare = re.findall(r"[\w'-]*\w[\w'-]*", title)
        assert (changed is not None) == bool(bare)
        if changed is not None and not set(title) & set("&-'!"):
            assert len(changed.split()) == len(bare)
    if changed is not None and " " in changed:
        assert set(changed.split()) <= vocabulary


def test_signs_are_no_words_and_none_are_drawn() -> None:
    corpus = Corpus({"a": ("Kelly’s pie…with | (cream)",)}, ("a",))
    drawn = {word for seed in range(40) for word in str(text("random-words", "Pie | Home", corpus, "a", seed)).split()}
    assert drawn == {"kelly’s", "pie", "with", "cream"}
    assert len(str(text("random-words", "Pie | Home", corpus, "a")).split()) == 2


def test_words_unknown_to_the_tokenizer_are_never_drawn() -> None:
    class NoTarts(WholeWords):
        def knows(self, word: str) -> bool:
            return word not in {"tart", "red"}

    for seed in range(30):
        pair = replace(PAIR, text="one two three")
        words, colour = (
            EDITS[name](CORPUS, NoTarts())(pair, random_for(name, "", seed)) for name in ("random-words", "colour")
        )
        assert words is not None
        assert colour is not None
        assert "tart" not in words.text.split()
        assert not colour.text.startswith("red ")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("My apple pie!", "My lemon tart!"),
        ("My APPLE-PIES", "My LEMON TART"),
        ("Apple Pie and apple pie", "Lemon Tart and lemon tart"),
        ("pie of apples", None),
        ("pineapple pie", None),
        ("", None),
    ],
)
def test_the_class_name_is_swapped_where_it_stands(title: str, expected: str | None) -> None:
    assert text("class-swap", title, Corpus({}, ("apple_pie", "lemon_tart"))) == expected


def test_the_swapped_name_says_which_object_it_names() -> None:
    assert edit("class-swap", SCENE) == Edited("easy tart recipe", 2)


@pytest.mark.parametrize(
    ("label", "title", "expected"),
    [
        ("apple_pie", "Apple Pies of green apples", "[MASK] [MASK] of green [MASK]"),
        ("apple_pie", "applepie", "[MASK]"),
        ("apple_pie", "pineapple magpie", None),
        ("macaroni_and_cheese", "Macaroni and ham", "[MASK] and ham"),
        ("crème_brûlée", "creme of a Brûlée", "[MASK] of a [MASK]"),
        ("アップルパイ", "簡単アップルパイのレシピ", "簡単[MASK]のレシピ"),
    ],
)
def test_the_words_that_name_the_class_are_hidden(label: str, title: str, expected: str | None) -> None:
    assert text("mask", title, label=label) == expected


@pytest.mark.parametrize("kind", ["colour", "position", "material", "nonsense"])
def test_a_modifier_stands_before_the_text_and_is_not_there_twice(kind: str) -> None:
    words = shipped("english").kinds[kind]
    drawn = {str(text(kind, f"{words[0]} apple pie", seed=seed)) for seed in range(30)}
    assert len(drawn) > 10
    assert all(title.endswith(f" {words[0]} apple pie") and title.split()[0] in words[1:] for title in drawn)


def test_modifiers_come_from_the_corpus_lexicon(tmp_path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text('language: ja\ntemplate: "{modifier}{noun}"\nkinds: {colour: [赤い]}\n', encoding="utf-8")
    corpus = replace(CORPUS, lexicon=find_lexicon(str(path)))
    assert text("colour", "りんご", corpus) == "赤いりんご"
    with pytest.raises(ConfigError, match=r"own.yaml: no words of kind 'position'; it has colour"):
        text("position", "りんご", corpus)


def test_in_a_known_scene_the_texts_are_true_and_say_what_they_refer_to() -> None:
    assert {name: edit(name, SCENE) for name in ("paraphrase", "colour", "position", "other-object")} == {
        "paraphrase": Edited("how to make an easy apple pie", 1),
        "colour": Edited("the red one", 1),
        "position": Edited("the one on the left", 1),
        "other-object": Edited("easy tart recipe", 2),
    }


def test_on_photos_the_bare_name_of_a_region_that_the_text_does_not_refer_to_names_another_object() -> None:
    objects = (
        SceneObject("apple_pie", "", 1, True),
        SceneObject("tea_cup", "", 2, False),
        SceneObject("apple_pie", "", 3, False),
    )
    assert edit("other-object", replace(PAIR, objects=objects)) == Edited("tea cup", 2)
    assert edit("other-object", replace(PAIR, objects=objects[:1])) is None
    assert edit("other-object", replace(PAIR, objects=(SceneObject("_", "", 1, False),))) is None  # nothing to say
    assert (
        edit("other-object", replace(PAIR, objects=objects, captions=SCENE.captions[:1])) is None
    )  # a scene has its own captions


def test_what_does_not_apply_is_none() -> None:
    lonely = Corpus({"apple_pie": ("apple pie",)}, ("apple_pie",))
    assert [
        edit(name, PAIR, lonely) for name in ("same-class", "other-class", "other-class-same-length", "class-swap")
    ] == [None] * 4
    assert [text(name, " ") for name in ("paraphrase", "random-words", "other-class-same-length", "mask")] == [None] * 4
    assert edit("other-object") is None
    assert edit("colour", replace(SCENE, captions=SCENE.captions[:3])) is None
    assert text("random-words", "a b", Corpus({}, ())) is None
