"""Cells of tables as regions: every form that annotations come in, and what is none of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from gazeshift.data.cells import CellError
from gazeshift.data.regions.cells import as_regions, as_shapes
from gazeshift.data.regions.scene import Region, occurs, scene_objects
from gazeshift.data.regions.shapes import Box, MaskImage, Polygons, RunLengths

RING = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))
RUNS = {"counts": [1, 2, 1], "size": [2, 2]}
PLACES: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    "nothing": ("mask", None, ()),
    "an empty text": ("mask", "", ()),
    "an empty list": ("regions", [], ()),
    "a path": ("mask", "masks/a.png", (MaskImage(Path("masks/a.png")),)),
    "a picture's bytes": ("mask", b"\x89PNG\r\n...", (MaskImage(b"\x89PNG\r\n..."),)),
    "Hugging Face's picture": ("mask", {"bytes": b"\x89PNG\r\n", "path": "a.png"}, (MaskImage(b"\x89PNG\r\n"),)),
    "corners": ("box", [1, 2, 5, 7.5], (Box(1, 2, 5, 7.5),)),
    "COCO's box": ("bbox", [1, 2, 5, 7.5], (Box(1, 2, 6, 9.5),)),
    "boxes": ("box", [[1, 2, 5, 7], [0, 0, 1, 1]], (Box(1, 2, 5, 7), Box(0, 0, 1, 1))),
    "named corners": ("box", {"xmin": 1, "ymin": 2, "xmax": 5, "ymax": 7}, (Box(1, 2, 5, 7),)),
    "named size": ("region", {"x": 1, "y": 2, "width": 5, "height": 7}, (Box(1, 2, 6, 9),)),
    "a polygon": ("polygons", [0, 0, 4, 0, 0, 4], (Polygons((RING,)),)),
    "corners in pairs": ("polygons", [[0, 0], [4, 0], [0, 4]], (Polygons((RING,)),)),
    "COCO's outline": ("segmentation", [[0, 0, 4, 0, 0, 4]], (Polygons((RING,)),)),
    "run lengths": ("segmentation", RUNS, (RunLengths((1, 2, 1), 2, 2),)),
    "compressed run lengths": ("rle", {"counts": "121", "size": [2, 2]}, (RunLengths((1, 2, 1), 2, 2),)),
    "a mapping that says how": ("region", {"rle": RUNS, "box": [0, 0, 1, 1]}, (RunLengths((1, 2, 1), 2, 2),)),
    "JSON": ("box", "[1, 2, 5, 7]", (Box(1, 2, 5, 7),)),
    "a mask of boxes": ("region", {"mask": "a.png", "mask_kind": "box"}, (MaskImage(Path("a.png"), boxed=True),)),
}
ODD: dict[str, tuple[str, Any, str]] = {
    "a word": ("mask", "none", "'none' instead of the path of a mask"),
    "a number": ("mask", 3, "'3' instead of the path"),
    "five numbers": ("box", [1, 2, 3, 4, 5], "a polygon of 5 numbers"),
    "numbers and texts": ("box", [1, "2", 3, 4], "some of them numbers"),
    "a box from right to left": (
        "box",
        [5, 0, 1, 4],
        "ends before it begins; its numbers are read as left, top, right, bottom",
    ),
    "a box of COCO with a negative size": ("bbox", [5, 0, -1, 4], "read as left, top, width, height"),
    "a box that is no number": ("box", {"x1": 0, "y1": 0, "x2": None, "y2": 3}, "not numbers"),
    "a box that is infinite": ("box", [0, 0, float("inf"), 3], "some of them numbers"),
    "a box of shares": ("box", [0.1, 0.2, 0.9, 1], "shares of the picture; give pixels"),
    "shares as centre and size": ("bbox", [0.5, 0.5, 0.2, 0.4], "shares of the picture; give pixels"),
    "shares by name": (
        "box",
        {"xmin": 0.0, "ymin": 0.25, "xmax": 1.0, "ymax": 0.5},
        "shares of the picture; give pixels",
    ),
    "a polygon of shares": ("polygons", [[0, 0, 0.5, 0, 0.5, 1]], "a polygon of numbers from 0 to 1"),
    "broken JSON": ("box", "[1, 2", "begins like JSON and is not"),
    "a key twice": ("box", '{"box": [], "box": []}', "'box' twice"),
    "another mapping": ("region", {"size": 3}, "none says where"),
    "run lengths without size": ("rle", {"counts": [1]}, "run lengths that cannot be read"),
    "run lengths of other signs": ("rle", {"counts": "~~", "size": [1, 1]}, "run lengths that cannot be read"),
}


@pytest.mark.parametrize("name", PLACES)
def test_where_a_region_is(name: str) -> None:
    column, value, wanted = PLACES[name]
    assert as_shapes(value, column, Path) == wanted
    regions = as_regions(value, column, Path)
    assert regions == ((Region("", wanted),) if wanted else ())


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_region(name: str) -> None:
    column, value, message = ODD[name]
    with pytest.raises(CellError) as caught:
        as_shapes(value, column, Path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


BOX = (Box(0, 0, 1, 1),)
LISTS: dict[str, Any] = {
    "a list of mappings": [
        {"category": "dog", "phrase": "a brown dog", "colour": "brown", "box": [0, 0, 1, 1], "referred": True},
        {"name": "ball", "box": [0, 0, 1, 1], "polygons": None, "referred": "false"},
        {"name": "nowhere", "box": None},
    ],
    "lists by field": {
        "category": ["dog", "ball"],
        "phrase": ["a brown dog", ""],
        "colour": ["brown", None],
        "bbox": [[0, 0, 1, 1], [0, 0, 1, 1]],
        "referred": [True, False],
    },
}


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("name", LISTS)
def test_lists_of_named_regions(name: str, *, as_text: bool) -> None:
    cell = json.dumps(LISTS[name]) if as_text else LISTS[name]
    dog, ball = as_regions(cell, "regions", Path)
    assert dog == Region("dog", BOX, "a brown dog", "brown", referred=True)
    assert (ball.name, ball.shapes, ball.referred) == ("ball", BOX, False)


def test_a_mapping_of_names() -> None:
    found = as_regions({"dog": [0, 0, 1, 1], "cat": {"mask": "cat.png"}, "bird": None}, "regions", Path)
    assert [(region.name, region.shapes) for region in found] == [("dog", BOX), ("cat", (MaskImage(Path("cat.png")),))]


def test_referred_that_is_neither_true_nor_false() -> None:
    with pytest.raises(CellError, match="referred: 'maybe'"):
        as_regions([{"name": "dog", "box": [0, 0, 1, 1], "referred": "maybe"}], "regions", Path)


@pytest.mark.parametrize(
    ("regions", "label", "text", "wanted"),
    [
        # the text holds the name, or the phrase
        ([Region("dog", ()), Region("ball", ())], "pets", "The Dog sleeps", {"dog"}),
        ([Region("dog", ()), Region("ball", (), "a red  ball")], "pets", "he throws a red ball", {"ball"}),
        ([Region("dog", ()), Region("ball", ())], "pets", "a dog and a ball", {"dog", "ball"}),
        # not inside a word, and not nothing
        ([Region("dog", ()), Region("ball", ())], "pets", "hotdogs and a football", set()),
        # the class
        ([Region("dog", ()), Region("ball", ())], "Dog", "", {"dog"}),
        # the source says so, whatever the text holds
        ([Region("dog", (), referred=False), Region("ball", (), referred=True)], "dog", "a dog", {"ball"}),
        # the only one
        ([Region("dog", ())], "pets", "", {"dog"}),
        ([Region("dog", (), referred=False)], "pets", "", set()),
    ],
)
def test_what_a_text_refers_to(regions: list[Region], label: str, text: str, wanted: set[str]) -> None:
    assert {each.name for each in scene_objects(regions, label, text) if each.referred} == wanted


def test_regions_of_one_name_are_one_object() -> None:
    other = Box(2, 2, 3, 3)
    objects = scene_objects([Region("dog", BOX, colour="red"), Region("", BOX), Region("Dog ", (other,))], "cat", "")
    assert [(each.name, each.index, each.shapes) for each in objects] == [("dog", 1, (*BOX, other)), ("cat", 2, BOX)]
    assert objects[0].colour == "", "one is red, of the other nothing is known"


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [("寿司", "寿司 と 蜂蜜", True), ("C++", "I like C++.", True), ("a.b", "axb", False), ("Größe", "die größe", True)],
)
def test_words_of_all_kinds(phrase: str, text: str, *, found: bool) -> None:
    assert occurs(phrase, text) is found
