"""Public data sets with regions, written small in their own layout: what becomes of them."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gazeshift.data.audit import audit
from gazeshift.data.grounded.cub import PART_RADIUS
from gazeshift.data.grounded.flickr30k import parse_caption
from gazeshift.data.regions.shapes import Box, Disc, MaskImage, Polygons, RunLengths
from gazeshift.data.sources import FORMATS, load_pairs
from gazeshift.errors import DataError, UsageError


def paint(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


INSTANCES: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg"}],
    "categories": [{"id": 10, "name": "dog"}, {"id": 20, "name": "ball"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 10,
            "segmentation": [[0, 0, 9, 0, 0, 9]],
            "area": 40,
            "bbox": [0, 0, 9, 9],
        },
        {"id": 2, "image_id": 1, "category_id": 20, "segmentation": [], "area": 70, "bbox": [10, 0, 7, 10]},
        {"id": 3, "image_id": 1, "category_id": 10, "bbox": [20, 0, 5, 10]},
        {
            "id": 4,
            "image_id": 2,
            "category_id": 20,
            "segmentation": {"counts": [10, 590], "size": [20, 30]},
            "area": 590,
        },
        {"id": 5, "image_id": 9, "category_id": 20, "bbox": [0, 0, 1, 1]},
        {"id": 6, "image_id": 2, "category_id": 20},
    ],
}
CAPTIONS = {
    "annotations": [
        {"image_id": 1, "caption": "A dog plays\nwith a ball."},
        {"image_id": 1, "caption": "Two pets."},
        {"image_id": 2, "caption": "A ball."},
    ]
}


def coco(root: Path, captions: bool = True) -> Path:
    (root / "annotations").mkdir()
    for name, shift in (("train2017", 0), ("val2017", 10)):
        for number, each in enumerate(INSTANCES["images"]):
            paint(root / name / each["file_name"], number + shift)
        (root / f"annotations/instances_{name}.json").write_text(json.dumps(INSTANCES))
        if captions:
            (root / f"annotations/captions_{name}.json").write_text(json.dumps(CAPTIONS))
    return root


def refcoco(root: Path, suffix: str = "p") -> Path:
    found = {
        **INSTANCES,
        "annotations": [*INSTANCES["annotations"], {"id": 7, "image_id": 1, "category_id": 20, "bbox": [0, 10, 5, 5]}],
    }
    (root / "instances.json").write_text(json.dumps(found))
    for number, each in enumerate(INSTANCES["images"]):
        paint(root / "images" / each["file_name"], number)
    references = [
        {
            "ref_id": 1,
            "image_id": 1,
            "ann_id": 2,
            "category_id": 20,
            "split": "train",
            "sentences": [{"sent": "the ball", "raw": "The ball"}, {"sent": "right"}],
        },
        {
            "ref_id": 2,
            "image_id": 2,
            "ann_id": 4,
            "category_id": 20,
            "split": "testA",
            "sentences": [{"sent": "a ball"}],
        },
        {
            "ref_id": 3,
            "image_id": 2,
            "ann_id": 99,
            "category_id": 20,
            "split": "testB",
            "sentences": [{"sent": "which one"}],
        },
    ]
    if suffix == "p":
        (root / "refs(unc).p").write_bytes(pickle.dumps(references, protocol=2))
    else:
        (root / "refs.json").write_text(json.dumps(references))
    return root


SENTENCES = {
    "1": "[/EN#7/animals A dog] chases [/EN#8/other a red ball] .\n[/EN#9/people Nobody] is with [/EN#7/animals the pet] .\n",
    "2": "[/EN#3/people/people A man] sleeps .\n",
}
BOXES = """<annotation><filename>1.jpg</filename>
<object><name>7</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>
<object><name>7</name><name>8</name><bndbox><xmin>3</xmin><ymin>0</ymin><xmax>5</xmax><ymax>4</ymax></bndbox></object>
<object><name>9</name><nobndbox>1</nobndbox></object></annotation>"""


def flickr30k(root: Path) -> Path:
    (root / "Sentences").mkdir()
    (root / "Annotations").mkdir()
    for number, (name, text) in enumerate(SENTENCES.items()):
        paint(root / f"flickr30k-images/{name}.jpg", number)
        (root / f"Sentences/{name}.txt").write_text(text)
    (root / "Annotations/1.xml").write_text(BOXES)
    (root / "Annotations/2.xml").write_text(BOXES.replace(">7<", ">3<"))
    (root / "train.txt").write_text("1\n")
    (root / "test.txt").write_text("2\n")
    return root


def cub(root: Path) -> Path:
    names = ("001.Black_footed_Albatross/a", "002.Laysan_Albatross/b")
    for number, name in enumerate(names):
        paint(root / f"images/{name}.jpg", number)
    lists = {
        "images.txt": "\n".join(f"{number} {name}.jpg" for number, name in enumerate(names, start=1)),
        "image_class_labels.txt": "1 1\n2 2\n",
        "classes.txt": "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n",
        "bounding_boxes.txt": "1 2.0 3.0 20.0 10.0\n2 0.0 0.0 10.0 10.0\n",
        "train_test_split.txt": "1 1\n2 0\n",
        "parts/parts.txt": "1 left wing\n2 beak\n",
        "parts/part_locs.txt": "1 1 5.0 6.0 1\n1 2 0.0 0.0 0\n2 2 4.0 4.0 1\n",
        f"text_c10/{names[0]}.txt": "a black bird\nit has a beak\n",
    }
    for name, text in lists.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    mask = np.zeros((20, 30), np.uint8)
    mask[2:8, 3:9] = 204
    (root / f"segmentations/{names[1]}.png").parent.mkdir(parents=True)
    Image.fromarray(mask).save(root / f"segmentations/{names[1]}.png")
    return root


LAYOUTS: dict[str, Callable[[Path], Path]] = {"coco": coco, "refcoco": refcoco, "flickr30k": flickr30k, "cub": cub}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_is_recognised_and_its_regions_fit_its_pictures(tmp_path: Path, layout: str) -> None:
    found = load_pairs(LAYOUTS[layout](tmp_path))
    assert found.format == layout
    assert any(each.referred and each.shapes for pair in found.pairs for each in pair.objects)
    checked = audit(found)
    assert checked.counts.keys() <= {
        "corrupt mask",
        "stray region",
        "several texts",
        "no study",
        "empty class",
        "missing text",
        "missing class",
    }
    assert checked.regions is not None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_none_has_columns_to_choose(tmp_path: Path, layout: str) -> None:
    with pytest.raises(UsageError, match="has no columns"):
        load_pairs(LAYOUTS[layout](tmp_path), text_column="text")
    assert FORMATS[layout].looks_like


def test_coco(tmp_path: Path) -> None:
    found = load_pairs(coco(tmp_path))
    assert [(pair.split, pair.text, pair.label) for pair in found.pairs[:3]] == [
        ("train", "A dog plays with a ball.", "dog"),
        ("train", "Two pets.", "dog"),
        ("train", "A ball.", "ball"),
    ]
    assert {pair.split for pair in found.pairs} == {"train", "test"}
    assert "the validation files are the test split" in found.notes
    dog, ball = found.pairs[0].objects
    assert (dog.name, dog.referred) == ("dog", True)
    assert dog.shapes == (Polygons((((0.0, 0.0), (9.0, 0.0), (0.0, 9.0)),)), Box(20, 0, 25, 10))
    assert (ball.name, ball.referred, ball.shapes) == ("ball", True, (Box(10, 0, 17, 10),))
    assert [each.referred for each in found.pairs[1].objects] == [True, False], (
        "only the class, where the text names none"
    )
    assert found.pairs[2].objects[0].shapes == (RunLengths((10, 590), 20, 30),)
    kinds = [(each.kind, each.key) for each in found.findings if "annotation" in each.key]
    assert kinds[:2] == [
        ("stray region", "instances_train2017.json: annotation 5"),
        ("corrupt mask", "instances_train2017.json: annotation 6"),
    ]


def test_coco_without_captions_and_as_one_file(tmp_path: Path) -> None:
    root = coco(tmp_path, captions=False)
    assert {pair.text for pair in load_pairs(root).pairs} == {""}
    (root / "annotations/instances_train2017.json").rename(root / "instances_train2017.json")
    alone = load_pairs(root / "instances_train2017.json")
    assert (alone.format, len(alone.pairs)) == ("coco", 2)


def test_coco_as_others_export_it(tmp_path: Path) -> None:
    for split, shift in (("train", 0), ("valid", 10)):
        for number, each in enumerate(INSTANCES["images"]):
            paint(tmp_path / split / each["file_name"], number + shift)
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(INSTANCES))
    found = load_pairs(tmp_path)
    assert (found.format, [pair.split for pair in found.pairs]) == ("coco", ["train", "train", "test", "test"])


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"images": 3, "categories": [], "annotations": []}'])
def test_what_is_not_coco(tmp_path: Path, content: str) -> None:
    (tmp_path / "instances_train.json").write_text(content)
    with pytest.raises(DataError, match=r"instances_train\.json: (not COCO's|cannot be read)"):
        load_pairs(tmp_path / "instances_train.json")


@pytest.mark.parametrize("suffix", ["p", "json"])
def test_refcoco(tmp_path: Path, suffix: str) -> None:
    found = load_pairs(refcoco(tmp_path, suffix))
    assert [(pair.split, pair.text, pair.label) for pair in found.pairs] == [
        ("train", "The ball", "ball"),
        ("train", "right", "ball"),
        ("test", "a ball", "ball"),
        ("test", "which one", "ball"),
    ]
    objects = {each.name: each for each in found.pairs[1].objects}
    assert objects["ball"].referred
    assert objects["ball"].shapes == (Box(10, 0, 17, 10),)
    assert not objects["other ball"].referred
    assert objects["other ball"].shapes == (Box(0, 10, 5, 15),)
    assert not objects["dog"].referred
    assert [each.detail for each in found.findings if each.kind == "corrupt mask"] == [
        "annotation 6: neither segmentation nor bbox",
        "no annotation of its image has the number 99",
    ]


class Dangerous:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the pickle ran",))


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    root = refcoco(tmp_path)
    (root / "refs(unc).p").write_bytes(pickle.dumps([Dangerous()]))
    with pytest.raises(DataError, match="not a pickle of plain values"):
        load_pairs(root)


def test_flickr30k(tmp_path: Path) -> None:
    found = load_pairs(flickr30k(tmp_path))
    assert [(pair.split, pair.text, pair.label) for pair in found.pairs] == [
        ("train", "A dog chases a red ball .", "animals"),
        ("train", "Nobody is with the pet .", "animals"),
        ("test", "A man sleeps .", "people"),
    ]
    dog, ball = found.pairs[0].objects
    assert (dog.name, dog.referred, dog.shapes) == ("A dog", True, (Box(1, 2, 9, 8), Box(3, 0, 5, 4)))
    assert (ball.name, ball.referred) == ("a red ball", True)
    assert {each.name: each.referred for each in found.pairs[1].objects} == {"the pet": True, "a red ball": False}


def test_flickr30k_refuses_xml_that_defines_entities(tmp_path: Path) -> None:
    root = flickr30k(tmp_path)
    (root / "Annotations/1.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    (root / "Annotations/2.xml").write_text("<annotation>")
    found = load_pairs(root, optional=("label",))
    assert [each.key for each in found.findings if each.kind == "corrupt mask"] == [
        "Annotations/1.xml",
        "Annotations/2.xml",
    ]


def test_captions_of_flickr30k_with_brackets_of_their_own() -> None:
    text, phrases = parse_caption("[/EN#1/people/clothing A man [sic] here")
    assert (text, phrases[0].words) == ("A man [sic here", "A man [sic")
    assert parse_caption("no marks") == ("no marks", ())


def test_cub(tmp_path: Path) -> None:
    found = load_pairs(cub(tmp_path))
    assert found.classes == ("Black footed Albatross", "Laysan Albatross")
    assert [(pair.split, pair.text) for pair in found.pairs] == [
        ("train", "a black bird"),
        ("train", "it has a beak"),
        ("test", ""),
    ]
    bird, wing = found.pairs[0].objects
    assert (bird.name, bird.referred, bird.shapes) == ("Black footed Albatross", True, (Box(2, 3, 22, 13),))
    assert (wing.name, wing.referred) == ("left wing", False)
    assert wing.shapes == (Disc(5, 6, PART_RADIUS * 20),)
    drawn, beak = found.pairs[2].objects
    assert isinstance(drawn.shapes[0], MaskImage)
    assert beak.name == "beak"


def test_cub_with_a_broken_list(tmp_path: Path) -> None:
    root = cub(tmp_path)
    (root / "parts/part_locs.txt").write_text("1 9 5.0 6.0 1\n")
    with pytest.raises(DataError, match=r"parts/part_locs\.txt: cannot be read"):
        load_pairs(root)
