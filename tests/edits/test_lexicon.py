"""Lexicons: the shipped ones, and a user's own with every complaint in one line that names file and key."""

from pathlib import Path

import pytest

from gazeshift.data.plates.config import POSITIONS
from gazeshift.data.plates.vocabulary import COLOURS, MODIFIERS
from gazeshift.edits import find_lexicon, shipped
from gazeshift.edits.lexicon import SHIPPED
from gazeshift.errors import ConfigError

GOOD = 'language: en\ntemplate: "{modifier} {noun}"\nkinds:\n  colour: [red, green]\n  taste: [sweet, sour]\n'


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_lexicons_have_enough_words_of_each_kind(name: str) -> None:
    lexicon = shipped(name)
    assert {"colour", "position", "nonsense"} < set(lexicon.kinds)
    if name != "plates":  # whose captions have no more words
        assert min(map(len, lexicon.kinds.values())) >= 20
    words = [word for words in lexicon.kinds.values() for word in words]
    assert len(set(words)) == len(words)
    assert lexicon.phrase(words[0], "x").startswith(words[0])


def test_the_words_of_plates_are_those_of_its_captions() -> None:
    lexicon = shipped("plates")
    assert set(lexicon.kinds["colour"]) == set(COLOURS)
    assert set(lexicon.kinds["position"]) <= set(POSITIONS)
    assert set(lexicon.kinds["filler"]) == set(MODIFIERS)


def test_the_english_ones_read_as_words() -> None:
    lexicon = shipped("english")
    assert all(
        word.isascii() and word.isalpha() and word.islower() for words in lexicon.kinds.values() for word in words
    )
    assert all(set(word) & set("aeiou") for word in lexicon.kinds["nonsense"])
    assert {lexicon.means.get(word, word) for word in lexicon.kinds["position"]} >= {"left", "right", "top", "bottom"}


def test_an_own_lexicon_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD + "means: {green: verde}\n", encoding="utf-8")
    lexicon = find_lexicon(str(path))
    assert lexicon == find_lexicon(str(path))
    assert lexicon.kinds == {"colour": ("red", "green"), "taste": ("sweet", "sour")}
    assert lexicon.means == {"green": "verde"}
    assert find_lexicon("japanese") is shipped("japanese")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "not valid YAML"),
        ("red", "a lexicon is a mapping"),
        ("", "a lexicon is a mapping"),
        (GOOD + "colors: [red]", "colors: unknown key; known: language, template, kinds, means"),
        (GOOD.replace("language: en\n", ""), "language: this key is missing"),
        (GOOD.replace("{noun}", ""), "template: '{modifier} ' must hold {modifier} and {noun} once each"),
        (GOOD.replace("{noun}", "{noun} {noun}"), "template: "),
        (GOOD.replace("{noun}", "{noun!r}"), "template: "),
        (GOOD.replace("{noun}", "{noun"), "template: "),
        (GOOD.replace("{noun}", "{noun} {0}"), "template: "),
        (GOOD.split("kinds", maxsplit=1)[0], "kinds: give kinds with a list of words each"),
        (GOOD.split("kinds", maxsplit=1)[0] + "kinds: {}", "kinds: give kinds"),
        (GOOD.replace("[red, green]", "red"), "kinds.colour: give a list of words"),
        (GOOD.replace("[red, green]", "[]"), "kinds.colour: give a list of words"),
        (GOOD.replace("red", "on"), "kinds.colour: give text, not True; put a word such as"),
        (GOOD.replace("red", "7"), "kinds.colour: give text, not 7"),
        (GOOD.replace("red", "dark red"), "kinds.colour: 'dark red' is more than one word"),
        (GOOD.replace("sweet", "Red"), "kinds.taste: 'Red' occurs twice, also in kinds.colour"),
        (GOOD.replace("taste", "bare"), "kinds.bare: this name is reserved for the text without a modifier"),
        (GOOD + "means: [red]", "means: give the scene's word"),
        (GOOD + "means: {blue: red}", "means.blue: the word is in none of the kinds"),
        (GOOD + "means: {red: 1}", "means.red: give text, not 1"),
    ],
)
def test_every_complaint_is_one_line_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        find_lexicon(str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: {said}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "said"),
    [("englsh", "unknown lexicon 'englsh'. Did you mean 'english'"), ("no.yaml", "no.yaml: no such")],
)
def test_what_is_not_there_is_said(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        find_lexicon(name)


def test_a_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes("赤い".encode("shift-jis"))
    with pytest.raises(ConfigError, match="cannot be read"):
        find_lexicon(str(path))
