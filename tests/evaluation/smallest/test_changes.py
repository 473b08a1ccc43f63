"""How words are deleted and replaced, and where substitutes come from."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.errors import ConfigError, DataError, UsageError
from gazeshift.evaluation.smallest.changes import Change, Changes, order
from gazeshift.evaluation.smallest.sources import SOURCES, gather


def singles(text: str, *substitutes: str, **options: object) -> list[str]:
    changes = Changes.of(text, substitutes, **options)  # type: ignore[arg-type]
    return [changes.apply(edit) for edit in changes.of_size(1)]


def test_punctuation_stays_with_a_substitute_and_goes_with_a_deletion() -> None:
    assert singles("(red) pie, | warm!", "blue") == [
        "pie, | warm!",
        "(blue) pie, | warm!",
        "(red) | warm!",
        "(red) blue, | warm!",
        "(red) pie, warm!",
        "(red) pie, |",
        "(red) pie, | blue!",
    ]


def test_a_word_is_not_replaced_by_itself_whatever_its_capitals() -> None:
    assert singles("Red pie", "red", "PIE", delete=False) == ["PIE pie", "Red red"]


def test_repeated_words_are_changed_one_at_a_time() -> None:
    changes = Changes.of("dog dog", ["cat"])
    assert sorted({changes.apply(edit) for edit in changes.of_size(1)}) == ["cat dog", "dog", "dog cat"]
    assert [(change.position, change.start) for some in changes.at for change in some] == [
        (0, 0),
        (0, 0),
        (1, 4),
        (1, 4),
    ]


def test_japanese_is_changed_character_by_character_or_phrase_by_phrase() -> None:
    assert singles("赤い寿司、") == ["い寿司、", "赤寿司、", "赤い司、", "赤い寿、", "赤い寿司"]
    assert singles("赤い寿司、", "パイ", delete=False)[2] == "赤いパイ司、"
    assert singles("赤い寿司、", "パイ", spans=["赤い", "寿司"]) == ["寿司、", "パイ寿司、", "赤い、", "赤いパイ、"]


def test_an_emoji_is_a_word_and_a_bar_is_only_deleted() -> None:
    assert singles("🍕 | pie", "tart") == ["| pie", "tart | pie", "🍕 pie", "🍕 |", "🍕 | tart"]


def test_one_word_may_go_altogether() -> None:
    changes = Changes.of("pie")
    assert changes.apply(((0, 0),)) == ""
    assert changes.changes(((0, 0),)) == (Change(0, 0, 3, "pie", None),)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no word to change"):
        Changes.of(text, ["pie"])


def test_nothing_to_do_is_refused() -> None:
    with pytest.raises(UsageError, match="no change is possible"):
        Changes.of("pie", ["Pie"], delete=False)


WORDS = st.lists(st.sampled_from(["a", "red", "pie,", "|", "寿司", "dog"]), min_size=1, max_size=4).map(" ".join)


@given(WORDS, st.lists(st.sampled_from(["red", "x", "dark blue"]), unique=True), st.booleans())
def test_the_edits_of_a_size_are_all_choices_of_at_most_one_change_per_word(
    text: str, substitutes: list[str], delete: bool
) -> None:
    try:
        changes = Changes.of(text, substitutes, delete=delete)
    except UsageError:
        return
    chosen = list(product(*([None, *range(len(some))] for some in changes.at)))
    for size in range(4):
        expected = [
            tuple((place, option) for place, option in enumerate(options) if option is not None)
            for options in chosen
            if sum(option is not None for option in options) == size
        ]
        assert sorted(changes.of_size(size)) == sorted(expected)
        assert changes.count(size) == len(expected)
        grown = {more for edit in expected for more in changes.extended(edit)}
        assert grown == set(changes.of_size(size + 1))


def test_ties_go_to_fewer_changes_then_the_beginning_of_the_text_then_the_first_substitute() -> None:
    assert sorted([((1, 0),), ((0, 1),), ((0, 0), (1, 0)), ((0, 0),)], key=order) == [
        ((0, 0),),
        ((0, 1),),
        ((1, 0),),
        ((0, 0), (1, 0)),
    ]


def test_sources(tmp_path: Path) -> None:
    (tmp_path / "titles.txt").write_text("Red pie, 12\nthe red DOG | 寿司\n", encoding="utf-8")
    lexicon = tmp_path / "mine.yaml"
    lexicon.write_text(
        'language: en\ntemplate: "{modifier} {noun}"\nkinds:\n  taste: [sweet, sour]\n', encoding="utf-8"
    )
    said = {
        "words": (" a, dark  blue,,", ("a", "dark blue")),
        "lexicon": (["plates:position", f"{lexicon}:taste"], ("left", "right", "top", "bottom", "sweet", "sour")),
        "corpus": (tmp_path / "titles.txt", ("red", "dog", "pie", "the", "司", "寿")),
    }
    assert said.keys() == SOURCES.keys()
    for name, (given_, expected) in said.items():
        assert SOURCES[name](given_, 100) == expected
        assert gather({name: given_}) == expected
    assert gather({"corpus": ["b b a", "c"]}, top=2) == ("b", "a")
    assert gather(["x", "y", "x"]) == ("x", "y")
    assert gather(()) == ()


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"lexicon": "colr"}, ConfigError, "no words of kind 'colr'"),
        ({"lexicon": "klingon:colour"}, ConfigError, "klingon"),
        ({"corpus": "none.txt"}, DataError, "none.txt: no such text file"),
        ({"dictionary": "x"}, UsageError, "unknown source of substitutes 'dictionary'"),
        ({"words": " , "}, UsageError, "there is no word in it"),
        ({"corpus": ["1 2 |"]}, UsageError, "there is no word in it"),
    ],
)
def test_a_source_that_gives_nothing_is_one_line(said: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        gather(said)
    assert "\n" not in str(raised.value)


def test_a_corpus_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "picture.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match="cannot be read as text"):
        gather({"corpus": str(tmp_path / "picture.txt")})
