"""A key that stands twice is refused wherever it stands; all else is read as YAML reads it."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.edits import find_lexicon
from gazeshift.errors import ConfigError
from gazeshift.study.load import read_study
from gazeshift.yaml_text import read_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_not_repeated_is_read(values: object) -> None:
    assert read_yaml(yaml.safe_dump(values), "file") == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "a occurs twice, in line 1 and in line 3"),
        ("a: 1\n'a': 3", "a occurs twice, in line 1 and in line 2"),
        (
            "models:\n  x: {kind: early-fusion}\n  x: {kind: image-only}",
            "models.x occurs twice, in line 2 and in line 3",
        ),
        ("a: {b: 1, b: 2}", "a.b occurs twice, both in line 1"),
        ("a: [0, {b: 1, c: 2, b: 1}]", "a.b occurs twice, both in line 1"),
        ("a: &x {b: 1}\nc: *x\nc: 1", "c occurs twice, in line 2 and in line 3"),
        ("1: a\n1: b", "1 occurs twice, in line 1 and in line 2"),
    ],
)
def test_a_repeated_key_is_one_line_with_its_places(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "study.yaml")
    assert str(caught.value) == f"study.yaml: {said}; keep one."


def test_a_key_and_its_like_are_two(tmp_path: Path) -> None:
    assert read_yaml("{2: a, '2': b, on: c, 'on': d}", "file") == {2: "a", "2": "b", True: "c", "on": "d"}
    assert read_yaml("a: &x [1]\nb: *x\nc: [*x, *x]", "file") == {"a": [1], "b": [1], "c": [[1], [1]]}


def test_every_yaml_of_a_study_is_asked(tmp_path: Path) -> None:
    study, lexicon = tmp_path / "study.yaml", tmp_path / "mine.yaml"
    study.write_text("title: a\ndata: {root: .}\ntitle: b\n")
    with pytest.raises(ConfigError, match=r"study\.yaml: title occurs twice, in line 1 and in line 3"):
        read_study(study)
    study.write_text("title: a\ndata: {root: .}\n")
    with pytest.raises(ConfigError, match=r"--set training: epochs occurs twice"):
        read_study(study, ["training={epochs: 1, epochs: 2}"])
    lexicon.write_text("language: en\ntemplate: '{modifier} {noun}'\nkinds: {colour: [red], colour: [blue]}\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml: kinds\.colour occurs twice"):
        find_lexicon(str(lexicon))
