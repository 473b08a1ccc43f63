"""Photos with regions: what is asked of which, what is left out, and what is measured where a text names nothing that is there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gazeshift.benchmark.aspects import ASPECTS, NAMES_ANOTHER, Asked, asked_about
from gazeshift.benchmark.regions import ABSENT, LEAST, MOST, TEMPLATES, region_photos, reworded
from gazeshift.benchmark.run import _gains
from gazeshift.data.regions.shapes import Box
from gazeshift.edits import Edited
from gazeshift.pairs import Pair, SceneObject

CLASSES = ("bus", "cat", "dog", "kite")
LEFT, RIGHT, MIDDLE = (0, 20, 30, 60), (70, 20, 100, 60), (40, 40, 60, 60)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (100, 100), "white").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def pair(
    photo: Path, key: str, *things: tuple[str, tuple[float, float, float, float]], label: str = "dog", colour: str = ""
) -> Pair:
    """A pair of its own picture whose things are boxes."""
    objects = tuple(
        SceneObject(name, colour, index, name == label, (Box(*box),))
        for index, (name, box) in enumerate(things, start=1)
    )
    return Pair(key, photo.read_bytes() + key.encode(), "own words", label, "test", objects=objects)


def found_of(*pairs: Pair) -> tuple[tuple[Pair, ...], tuple[Pair, ...], dict[str, int]]:
    found = region_photos(pairs, CLASSES, most=100, seed=0)
    return found.two, found.one, found.left_out


def test_two_things_are_named_each_by_its_name_and_its_side(photo: Path) -> None:
    (two,), one, left_out = found_of(pair(photo, "a", ("dog", LEFT), ("red_ball", RIGHT)))
    assert (one, left_out) == ((), {})
    said = {(each.kind, each.text, each.referred) for each in two.captions}
    assert said == {
        ("class", "a photo of dog", 1),
        ("class", "a photo of red ball", 2),
        ("position", "the one on the left", 1),
        ("position", "the one on the right", 2),
    }


def test_a_word_that_fits_two_things_is_not_said_of_either(photo: Path) -> None:
    above = (0, 70, 30, 95)
    (two,), _, _ = found_of(pair(photo, "a", ("dog", LEFT), ("ball", RIGHT), ("hat", above), colour="red"))
    assert {each.text for each in two.captions if each.kind == "position"} == {"the one on the right"}
    assert not [each for each in two.captions if each.kind == "colour"]


@pytest.mark.parametrize("inside", [(0, 20, 30, 50), (2, 22, 20, 40)])
def test_what_lies_on_another_thing_is_no_second_one(photo: Path, inside: tuple[float, float, float, float]) -> None:
    two, (one,), _ = found_of(pair(photo, "a", ("dog", LEFT), ("collar", inside)))
    assert two == ()
    own, other = one.captions
    assert (own.text, own.referred) == ("a photo of dog", 1)
    assert (other.kind, other.referred) == (ABSENT, None)
    assert other.content in set(CLASSES) - {"dog"}


def test_what_is_left_out_is_counted_by_its_reason(photo: Path) -> None:
    small = (0, 0, 100 * LEAST, 90)
    large = (0, 0, 100, 100 * MOST + 2)
    pairs = (
        pair(photo, "none"),
        pair(photo, "small", ("dog", small)),
        pair(photo, "large", ("dog", large)),
        pair(photo, "another's", ("ball", LEFT)),
        pair(photo, "all", *((name, LEFT) for name in ("dog", "cat", "bus", "kite"))),
        pair(photo, "fine", ("dog", MIDDLE)),
    )
    two, one, left_out = found_of(*pairs)
    assert two == ()
    assert [each.key for each in one] == ["fine"]
    assert left_out == {
        "with a region that covers less than 0.5 % of the middle square": 1,
        "with a region that covers more than 80 % of the middle square": 1,
        "with a single region that is not the label's": 1,
        "without a class that is not in the picture": 1,
        "without a region": 1,
    }


@pytest.mark.parametrize("written", ["DOG", " dog", "Dog"])
def test_a_region_is_of_a_class_however_it_is_written(photo: Path, written: str) -> None:
    (two,), _, _ = found_of(pair(photo, "a", (written, LEFT), ("ball", RIGHT)))
    _, (one,), _ = found_of(pair(photo, "b", (written, LEFT), ("BUS", (0, 0, 1, 1))))
    assert [each.name for each in two.objects] == ["dog", "ball"]  # the model's own word, or no answer would be right
    own, other = one.captions
    assert own.text == "a photo of dog"
    assert other.content in {"cat", "kite"}  # too small to be asked about, but there


def test_a_picture_counts_once_and_the_seed_draws_the_order(photo: Path) -> None:
    pairs = [pair(photo, f"{place}", ("dog", MIDDLE)) for place in range(20)]
    assert len(found_of(*pairs, *pairs)[1]) == 20
    few = [[each.key for each in region_photos(pairs, CLASSES, 5, seed).one] for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    assert len(set(few[0])) == 5


def test_a_class_that_is_not_there_is_the_other_text(photo: Path) -> None:
    (one,) = found_of(pair(photo, "a", ("dog", MIDDLE)))[1]
    asked = asked_about(ASPECTS["name"], [one], 0, reworded)
    (own,), (other,), (again,) = asked.texts["original"], asked.texts[NAMES_ANOTHER], asked.texts["paraphrase"]
    assert own is not None
    assert other is not None
    assert again is not None
    assert own.text == "a photo of dog"
    assert other.refers is None
    assert other.text.removeprefix("a photo of ") in CLASSES
    assert again.text in {template.format("dog") for template in TEMPLATES["class"][1:]}
    assert asked_about(ASPECTS["place"], [one], 0, reworded).pairs == ()


def test_where_the_other_text_names_nothing_there_the_thing_loses_mass(photo: Path) -> None:
    pairs = tuple(pair(photo, key, ("dog", LEFT), ("ball", RIGHT)) for key in "ab")
    texts: dict[str, list[Edited | None]] = {NAMES_ANOTHER: [Edited("a bus"), Edited("a ball", 2)]}
    rows = pd.DataFrame(
        [
            ("a", "original", 0.5, np.nan),
            ("a", "paraphrase", 0.4, np.nan),
            ("a", NAMES_ANOTHER, 0.2, np.nan),
            ("b", "original", 0.5, 0.0),
            ("b", NAMES_ANOTHER, 0.3, 0.7),
        ],
        columns=["key", "edit", "mask_mass", "target_gain"],
    )
    assert _gains(Asked(pairs, texts), rows).tolist() == pytest.approx([0.0, 0.1, 0.3, 0.0, 0.7])
