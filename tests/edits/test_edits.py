from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.edits import EDITS, PAPER_COLOUR, PAPER_POSITION, Corpus, random_for
from gazeshift.pairs import Pair, SceneCaption, SceneObject

CORPUS = Corpus({"pie": ("apple pie", "pie of the day"), "tart": ("lemon tart", "tart recipe")}, ("pie", "tart"))
PAIR = Pair("a.jpg", b"", "apple pie", "pie", "test")
SCENE = replace(
    PAIR,
    text="easy pie recipe",
    objects=(SceneObject("pie", "red", 1, True), SceneObject("tart", "green", 2, False)),
    captions=(
        SceneCaption("dish", "easy pie recipe", 1, "pie"),
        SceneCaption("dish", "how to make an easy pie", 1, "pie"),
        SceneCaption("dish", "easy tart recipe", 2, "tart"),
        SceneCaption("colour", "the red one", 1, "red"),
        SceneCaption("colour", "the green one", 2, "green"),
        SceneCaption("position", "the one on the left", 1, "left"),
    ),
)


@pytest.mark.parametrize("name", EDITS)
@given(text=st.text(max_size=60))
def test_every_edit_takes_any_text_and_is_the_same_every_time(name: str, text: str) -> None:
    pair = replace(PAIR, text=text)
    first, second = (EDITS[name](CORPUS)(pair, random_for(name, pair.key)) for _ in range(2))
    assert first == second
    if first is not None and name not in {"original", "paper-colour", "paper-position", "empty"} and text.strip():
        assert first.text != text


def test_the_papers_texts_are_verbatim() -> None:
    assert PAPER_COLOUR == "red tomato ketchup"
    assert PAPER_POSITION == "top left white plate"
    for name, text in (("paper-colour", PAPER_COLOUR), ("paper-position", PAPER_POSITION)):
        edited = EDITS[name](CORPUS)(PAIR, np.random.default_rng(0))
        assert edited is not None
        assert edited.text == text


@pytest.mark.parametrize("seed", range(5))
def test_titles_come_from_the_class_they_should(seed: int) -> None:
    rng = np.random.default_rng(seed)
    same, other = EDITS["same-class"](CORPUS)(PAIR, rng), EDITS["other-class"](CORPUS)(PAIR, rng)
    assert same is not None
    assert other is not None
    assert same.text == "pie of the day"
    assert other.text in CORPUS.titles["tart"]


def test_in_a_known_scene_the_texts_are_true_and_say_what_they_refer_to() -> None:
    rng = np.random.default_rng(0)
    found = {name: EDITS[name](CORPUS)(SCENE, rng) for name in ("paraphrase", "colour", "position", "other-object")}
    assert {name: edited and (edited.text, edited.refers) for name, edited in found.items()} == {
        "paraphrase": ("how to make an easy pie", 1),
        "colour": ("the red one", 1),
        "position": ("the one on the left", 1),
        "other-object": ("easy tart recipe", 2),
    }


def test_what_does_not_apply_is_none() -> None:
    rng = np.random.default_rng(0)
    assert EDITS["other-object"](CORPUS)(PAIR, rng) is None
    assert EDITS["paraphrase"](CORPUS)(replace(PAIR, text=" "), rng) is None
    lonely = Corpus({"pie": ("apple pie",)}, ("pie",))
    assert EDITS["same-class"](lonely)(PAIR, rng) is None
    assert EDITS["other-class"](lonely)(PAIR, rng) is None
    without = replace(SCENE, captions=SCENE.captions[:3])
    assert EDITS["colour"](CORPUS)(without, rng) is None
