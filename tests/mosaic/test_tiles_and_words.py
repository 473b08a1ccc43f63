"""The grid, the captions and the settings of mosaics."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gazeshift.data.mosaic import MosaicConfig
from gazeshift.data.mosaic.captions import TEMPLATES, Said, Shown, say, scene_captions, worded
from gazeshift.data.mosaic.config import KINDS, NAME_ABSENT, SAY_NOTHING, TITLE
from gazeshift.data.mosaic.grid import assembled, places, spoken_place, tile_edges, tile_preprocessing
from gazeshift.errors import UsageError

GRIDS = [(r, c) for r in (1, 2, 3) for c in (1, 2, 3) if r * c > 1]


@given(st.integers(48, 300), st.sampled_from(GRIDS))
def test_tiles_cover_every_pixel_once(size: int, grid: tuple[int, int]) -> None:
    covered = np.zeros((size, size), int)
    sides = set()
    for left, top, right, bottom in tile_edges(size, *grid):
        covered[top:bottom, left:right] += 1
        sides |= {(right - left) * grid[1] - size, (bottom - top) * grid[0] - size}
    assert (covered == 1).all()
    assert max(map(abs, sides)) < 3


@pytest.mark.parametrize("grid", GRIDS)
def test_every_place_is_where_its_words_say(grid: tuple[int, int]) -> None:
    words, edges = places(*grid), tile_edges(300, *grid)
    assert len(set(words)) == len(words) == grid[0] * grid[1]
    for place, (left, top, right, bottom) in zip(words, edges, strict=True):
        x, y = (left + right) / 2, (top + bottom) / 2
        assert ("left" in place) == (x < 145)
        assert ("right" in place) == (x > 155)
        assert ("top" in place) == (y < 145)
        assert ("bottom" in place) == (y > 155)


def test_a_narrow_tile_shows_the_middle_of_its_square() -> None:
    ramp = Image.fromarray(np.arange(60, dtype=np.uint8)[None].repeat(60, 0)).convert("RGB")
    picture = np.asarray(assembled([ramp, ramp], tile_edges(60, 1, 2), 60))[..., 0]
    assert tile_preprocessing(60, 1, 2).size == 60
    assert (picture == np.tile(np.arange(15, 45), 2)).all()


FOUR = ("apple_pie", "ramen", "sushi", "beet_salad")
SHOWN = Shown(FOUR, places(2, 2), tuple(sorted((*FOUR, "donut"))))
SPOKEN = {name: name.replace("_", " ") for name in SHOWN.classes}


def named(text: str) -> set[str]:
    """The classes whose words a text holds."""
    return {name for name, words in SPOKEN.items() if re.search(rf"\b{words}\b", text)}


def placed(text: str) -> set[str]:
    return {place for place in SHOWN.places if place in text}


OF_A_TILE = tuple(kind for kind in KINDS if kind != TITLE)


@pytest.mark.parametrize("kind", OF_A_TILE)
@pytest.mark.parametrize("template", range(4))
def test_a_caption_says_its_kind_and_no_more(kind: str, template: int) -> None:
    rng = np.random.default_rng(template)
    for tile in range(1, 5):
        own, there = SHOWN.names[tile - 1], SHOWN.places[tile - 1]
        said = say(SHOWN, kind, tile, rng)
        text = worded(said, template)
        names = {"class": {own}, "both": {own}, "two": {own, "donut"}, "absent": {"donut"}}.get(kind, set())
        assert named(text) == names, text
        assert placed(text) == ({there} if kind in {"position", "both"} else set()), text
        assert said.referred == (None if kind in SAY_NOTHING else tile)
        assert (kind in NAME_ABSENT) == ("donut" in named(text))


@pytest.mark.parametrize("template", range(4))
def test_a_title_names_any_class_and_is_about_its_tile_if_there_is_one(template: int) -> None:
    found = {}
    for seed in range(60):
        said = say(SHOWN, TITLE, 2, np.random.default_rng(seed))
        (name,) = said.content
        assert named(worded(said, template)) == {name}
        found[name] = said.referred
    assert found == {**{name: tile for tile, name in enumerate(FOUR, start=1)}, "donut": None}


def test_two_classes_come_in_both_orders() -> None:
    orders = {say(SHOWN, "two", 1, np.random.default_rng(seed)).content for seed in range(20)}
    assert orders == {("apple_pie", "donut"), ("donut", "apple_pie")}


@pytest.mark.parametrize("kind", KINDS)
def test_all_captions_are_true_and_one_says_the_own_again(kind: str) -> None:
    own = say(SHOWN, kind, 2, np.random.default_rng(0))
    captions = scene_captions(SHOWN, own, worded(own, 1), np.random.default_rng(1))
    first, again, *others = captions
    assert first.text == worded(own, 1) != again.text
    assert (first.kind, first.content, first.referred) == (again.kind, again.content, again.referred)
    for caption in others:
        if caption.referred is None:
            assert caption.kind == "useless"
            continue
        name, place = SHOWN.names[caption.referred - 1], SHOWN.places[caption.referred - 1]
        assert named(caption.text) - {"donut"} == ({name} if caption.kind != "position" else set())
        assert placed(caption.text) <= {place}
    said = {(caption.kind, caption.referred) for caption in others}
    assert said == {(k, tile) for k in OF_A_TILE if k not in SAY_NOTHING for tile in range(1, 5)} | {("useless", None)}


def test_where_all_classes_are_shown_no_absent_one_is_named() -> None:
    shown = Shown(("a", "b"), places(1, 2), ("a", "b"))
    kinds = {each.kind for each in scene_captions(shown, Said("class", 1, ("a",)), "a", np.random.default_rng(0))}
    assert "two" not in kinds


def test_templates_differ_and_places_are_said_in_english() -> None:
    assert set(TEMPLATES) == set(KINDS)
    assert all(len(set(some)) == len(some) > 1 for some in TEMPLATES.values())
    assert {spoken_place(place) for place in places(1, 3)} == {"on the left", "in the middle", "on the right"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tiles": (1, 1)}, "1 to 3 rows and columns, and two tiles"),
        ({"tiles": (4, 1)}, "1 to 3 rows and columns"),
        ({"tiles": (0, 2)}, "1 to 3 rows and columns"),
        ({"size": 20}, "leaves 10 pixels for the side of a tile"),
        ({"size": 5000}, "2048 pixels at most"),
        ({"test": -1}, "test must be 0 mosaics or more"),
        ({"validation": 0}, "a study would take validation mosaics from training"),
        ({"train": 0, "validation": 0, "test": 0}, "all 0"),
        ({"mix": {"place": 1}}, "unknown kind of caption 'place'. Known: class, two"),
        ({"mix": {"class": -1, "two": 2}}, "weight of class must be 0 or more"),
        ({"mix": {"class": float("nan")}}, "weight of class must be 0 or more"),
        ({"mix": {"class": 0}}, "one kind with a weight above 0"),
        ({"mix": {"title": 1, "absent": 1}}, "title and absent read alike"),
        ({"mix": {"title": 1}, "border_control": True}, "in the border control the picture gives the label"),
        ({"seed": -1}, "seed must be 0 to"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict, message: str) -> None:
    with pytest.raises(UsageError, match=f"^mosaic: .*{re.escape(message)}"):
        MosaicConfig(**settings)


def test_settings_that_are_no_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown setting 'rows'"):
        MosaicConfig.from_dict({"rows": 2})
    with pytest.raises(UsageError, match="wrong type"):
        MosaicConfig.from_dict({"tiles": 2})


def test_the_ceilings_are_those_of_a_reader_who_knows_every_class() -> None:
    config = MosaicConfig(tiles=(1, 2), mix={"class": 1, "absent": 1, "useless": 2})
    assert config.image_only_ceiling(6) == 0.5
    assert config.ceiling == 0.25 + 0.75 * 0.5
    control = MosaicConfig(border_control=True)
    assert (control.image_only_ceiling(6), control.ceiling) == (1.0, 1.0)
    titles = MosaicConfig(mix={"title": 3, "useless": 1})
    assert titles.image_only_ceiling(10) == 0.75 / 10 + 0.25 / 4
    assert titles.ceiling == 0.75 + 0.25 / 4
