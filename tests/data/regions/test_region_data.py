"""Regions from files to the crop that a model sees: tables, tables of regions, findings."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gazeshift.data.audit import audit
from gazeshift.data.decode import decode
from gazeshift.data.regions.masks import REFERRED, region_masks
from gazeshift.data.regions.shapes import Box, LabelledPixels, MaskImage
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, ImageError, UsageError
from gazeshift.pairs import Pair, SceneObject
from gazeshift.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=8)


def paint(path: Path, number: int, size: tuple[int, int] = (30, 20)) -> None:
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def draw(path: Path, box: tuple[int, int, int, int], size: tuple[int, int] = (30, 20)) -> None:
    path.parent.mkdir(exist_ok=True)
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    Image.fromarray(mask).save(path)


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Eight pictures with a mask each, written as a table by whoever has changed it."""
    for number in range(8):
        paint(tmp_path / f"images/{number}.png", number)
        draw(tmp_path / f"masks/{number}.png", (5, 5, 15 + number, 15))
    return pd.DataFrame(
        {
            "image": [f"images/{number}.png" for number in range(8)],
            "text": [f"a dog {number}" for number in range(8)],
            "label": ["dog", "cat"] * 4,
            "split": ["train"] * 4 + ["test"] * 4,
            "mask": [f"masks/{number}.png" for number in range(8)],
        }
    )


def load(root: Path, frame: pd.DataFrame, **settings: Any) -> tuple[Pair, ...]:
    frame.to_csv(root / "pairs.csv", index=False)
    return load_pairs(root, **settings).pairs


def found_kinds(root: Path, frame: pd.DataFrame, **settings: Any) -> dict[str, int]:
    frame.to_csv(root / "pairs.csv", index=False)
    counts = audit(load_pairs(root, **settings)).counts
    return {kind: count for kind, count in counts.items() if kind not in {"no study", "similar classes"}}


def test_a_mask_column_is_the_region_of_the_class(tmp_path: Path, table: pd.DataFrame) -> None:
    pairs = load(tmp_path, table)
    for number, pair in enumerate(pairs):
        (own,) = pair.objects
        assert (own.name, own.referred, own.index) == (pair.label, True, 1)
        assert own.shapes == (MaskImage(tmp_path / f"masks/{number}.png"),)
    assert "region 'mask'" in load_pairs(tmp_path).notes[0]


def test_masks_are_also_found_in_their_folder(tmp_path: Path, table: pd.DataFrame) -> None:
    pairs = load(tmp_path, table.assign(mask=[f"{number}.png" for number in range(8)]))
    assert pairs[3].objects[0].shapes == (MaskImage(tmp_path / "masks/3.png"),), "and not the photo of that name"


def test_further_regions_by_name(tmp_path: Path, table: pd.DataFrame) -> None:
    for number in range(8):
        draw(tmp_path / f"people/{number}.png", (0, 0, 4, 4))
    people = [f"people/{number}.png" if number % 2 else "" for number in range(8)]
    pairs = load(tmp_path, table.assign(mask_person=people), regions={"person": "mask_person"})
    assert [each.name for each in pairs[0].objects] == ["dog"]
    assert [(each.name, each.referred) for each in pairs[1].objects] == [("cat", True), ("person", False)]
    with pytest.raises(DataError, match=r"no column 'people' for the region 'person'\. Columns: image, text"):
        load(tmp_path, table, regions={"person": "people"})


def test_a_column_says_that_its_masks_are_boxes(tmp_path: Path, table: pd.DataFrame) -> None:
    pairs = load(tmp_path, table.assign(mask_kind=["box", "polygon"] * 4))
    assert [pair.objects[0].boxed for pair in pairs] == [True, False] * 4


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_lists_of_regions_in_other_tables(tmp_path: Path, table: pd.DataFrame, suffix: str) -> None:
    regions = [[{"phrase": "a dog", "box": [0, 0, 3, 3]}, {"phrase": "a ball", "box": [3, 3, 6, 6]}]] * 8
    frame = table.drop(columns="mask").assign(regions=regions)
    if suffix == "jsonl":
        frame.to_json(tmp_path / "pairs.jsonl", orient="records", lines=True)
    else:
        frame.to_parquet(tmp_path / "pairs.parquet")
    for pair in load_pairs(tmp_path).pairs:
        assert [(each.name, each.referred) for each in pair.objects] == [("a dog", True), ("a ball", False)]


def test_columns_of_the_usual_names_that_are_no_regions(tmp_path: Path, table: pd.DataFrame) -> None:
    frame = table.drop(columns="mask").assign(objects="a dog, a ball", box=range(8))
    assert not any(pair.objects for pair in load(tmp_path, frame))
    assert not load_pairs(tmp_path).findings


def test_regions_beside_the_images_of_an_imagefolder(tmp_path: Path, table: pd.DataFrame) -> None:
    frame = table.rename(columns={"image": "file_name"}).assign(file_name=[f"{n}.png" for n in range(8)])
    frame["mask"] = [f"../masks/{n}.png" for n in range(8)]
    for number in range(8):
        draw(tmp_path / f"images/{number}_mask.png", (1, 1, 5, 5))
    frame["mask"] = [f"{n}_mask.png" for n in range(8)]
    frame.to_csv(tmp_path / "images/metadata.csv", index=False)
    pairs = [pair for pair in load_pairs(tmp_path / "images").pairs if "mask" not in pair.key]
    assert [pair.objects[0].shapes[0].source.name for pair in pairs] == [f"{n}_mask.png" for n in range(8)]


def write_regions(root: Path, rows: list[dict[str, Any]], name: str = "regions.jsonl") -> None:
    (root / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def test_a_table_of_regions(tmp_path: Path, table: pd.DataFrame) -> None:
    rows = [
        {"image": "images/0.png", "category": "dog", "box": [0, 0, 4, 4], "polygons": None, "mask": ""},
        {"image": "images/0.png", "category": "dog", "box": [8, 0, 12, 4]},
        {"image": "1.png", "category": "person", "phrase": "a dog", "mask": "2.png", "box": [0, 0, 1, 1]},
        {"image": "images/none.png", "category": "dog", "box": [0, 0, 4, 4]},
        {"image": "images/2.png", "category": "dog"},
        {"image": "images/2.png", "box": [0, 0, 4, 4]},
        {"image": "", "category": "dog", "box": [0, 0, 4, 4]},
    ]
    write_regions(tmp_path, rows)
    frame = table.drop(columns="mask")
    pairs = load(tmp_path, frame)
    assert pairs[0].objects == (SceneObject("dog", "", 1, referred=True, shapes=(Box(0, 0, 4, 4), Box(8, 0, 12, 4))),)
    assert pairs[1].objects == (
        SceneObject("person", "", 1, referred=True, shapes=(MaskImage(tmp_path / "masks/2.png"),)),
    )
    assert not any(pair.objects for pair in pairs[2:])
    found = load_pairs(tmp_path)
    assert "regions of regions.jsonl" in found.notes
    assert [(each.kind, each.key) for each in found.findings] == [
        ("corrupt mask", "regions.jsonl:5"),
        ("corrupt mask", "regions.jsonl:6"),
        ("corrupt mask", "regions.jsonl:7"),
        ("stray region", "images/none.png"),
    ]


def test_a_table_of_regions_is_added_only_when_it_is_named(tmp_path: Path, table: pd.DataFrame) -> None:
    write_regions(tmp_path, [{"image": "images/0.png", "name": "ball", "box": [0, 0, 4, 4]}])
    assert [each.name for each in load(tmp_path, table)[0].objects] == ["dog"]
    assert "regions.jsonl is not read: the pairs have regions; add it as regions_file" in load_pairs(tmp_path).notes
    named = load_pairs(tmp_path, regions_file="regions.jsonl").pairs[0]
    assert [(each.name, each.referred) for each in named.objects] == [("dog", True), ("ball", False)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"picture": "a", "box": [0, 0, 1, 1]}], "no column says the image; call it image. Columns: picture, box"),
        ([{"image": "a", "place": [0, 0, 1, 1]}], "no column says where the region is; call it mask"),
    ],
)
def test_tables_of_regions_that_are_none(tmp_path: Path, table: pd.DataFrame, rows: list[Any], message: str) -> None:
    write_regions(tmp_path, rows, "other.jsonl")
    with pytest.raises(DataError, match=re.escape(message)):
        load(tmp_path, table, regions_file="other.jsonl")
    with pytest.raises(DataError, match=r"^none\.csv: no such file\.$"):
        load(tmp_path, table, regions_file="none.csv")


def test_a_remote_root_takes_no_table_of_regions() -> None:
    with pytest.raises((UsageError, DataError)):
        load_pairs("memory://nowhere/pairs.csv", regions_file="regions.jsonl")


def test_everything_that_is_wrong_with_regions_is_found(tmp_path: Path, table: pd.DataFrame) -> None:
    assert found_kinds(tmp_path, table) == {}
    draw(tmp_path / "masks/0.png", (0, 0, 2, 2), (20, 30))  # of another size
    (tmp_path / "masks/1.png").write_bytes(b"x")
    draw(tmp_path / "masks/2.png", (0, 0, 0, 0))  # empty
    (tmp_path / "masks/3.png").unlink()
    table.loc[5, "mask"] = "masks/4.png"  # of another picture
    table.loc[6, "mask"] = "[0, 0, 40, 10]"  # reaches 10 pixels over the edge
    table.loc[7, "mask"] = "masks"
    assert found_kinds(tmp_path, table) == {
        "corrupt mask": 4,
        "empty region": 1,
        "region outside": 1,
        "shared mask": 1,
    }
    findings = {each.key: each.detail for each in audit(load_pairs(tmp_path)).findings}
    assert findings["images/6.png"] == "'dog' reaches 10 pixels over the edge of its picture"
    assert findings["images/5.png"] == "its mask is that of images/4.png, too"
    assert findings["pairs.csv:5"] == "column 'mask': the mask 'masks/3.png' is missing"
    assert "is made for a picture of 20 x 30, and its picture has 30 x 20" in findings["images/0.png"]


def test_the_check_counts_regions(tmp_path: Path, table: pd.DataFrame) -> None:
    found = audit(load_pairs_of(tmp_path, table.assign(mask_kind="box"))).regions
    assert found is not None
    assert (found.pairs, found.referred, found.boxed, found.names) == (8, 8, 8, 2)
    assert found.share == pytest.approx(np.mean([(10 + number) * 10 / 600 for number in range(8)]))
    assert audit(load_pairs_of(tmp_path, table.drop(columns=["mask"]))).regions is None


def load_pairs_of(root: Path, frame: pd.DataFrame) -> Any:
    frame.to_csv(root / "pairs.csv", index=False)
    return load_pairs(root)


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_regions_are_cropped_like_their_image(tmp_path: Path, mode: str) -> None:
    grid = np.zeros((40, 60), np.uint16 if mode == "I;16" else np.uint8)
    grid[10:25, 20:45] = 3
    grid[25:33, 5:30] = 7
    mask, picture = tmp_path / "mask.png", tmp_path / "picture.png"
    stored = Image.fromarray(grid)
    if mode == "P":
        stored.putpalette(list(range(30)))
    stored.save(mask)
    Image.fromarray(np.repeat((grid * 30).astype(np.uint8)[..., None], 3, axis=2)).save(picture)
    preprocessing = Preprocessing(size=14, crop_fraction=0.7, interpolation="nearest")
    objects = tuple(
        SceneObject(f"object {value}", "", value, referred, (LabelledPixels(mask, value),))
        for value, referred in ((3, True), (7, False))
    )
    found = region_masks(Pair("picture.png", picture, "", "pie", "test", objects), preprocessing)
    shown = preprocessing.crop(decode(picture))[0]
    assert found.keys() == {REFERRED, 3, 7}
    for value in (3, 7):
        assert np.array_equal(found[value], shown == value * 30)
    assert np.array_equal(found[REFERRED], found[3])
    both = tuple(replace(each, referred=True) for each in objects)
    found = region_masks(Pair("picture.png", picture, "", "pie", "test", both), preprocessing)
    assert np.array_equal(found[REFERRED], found[3] | found[7])


def test_regions_that_cannot_be_used(tmp_path: Path) -> None:
    paint(tmp_path / "images/0.png", 0)
    pair = Pair("0.png", tmp_path / "images/0.png", "", "pie", "test")
    with pytest.raises(DataError, match=r"0\.png: no region is known"):
        region_masks(pair, PREPROCESSING)
    draw(tmp_path / "mask.png", (0, 0, 2, 2), (3, 3))
    with pytest.raises(DataError, match="the region 'pie' does not fit: it is made for a picture of 3 x 3"):
        region_masks(
            replace(pair, objects=(SceneObject("pie", "", 1, True, (MaskImage(tmp_path / "mask.png"),)),)),
            PREPROCESSING,
        )
    (tmp_path / "mask.png").write_bytes(b"x")
    with pytest.raises(ImageError, match="the mask of the region 'pie' cannot be read"):
        region_masks(
            replace(pair, objects=(SceneObject("pie", "", 1, True, (MaskImage(tmp_path / "mask.png"),)),)),
            PREPROCESSING,
        )
