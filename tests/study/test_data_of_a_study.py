"""What a study, an evaluation and the maps of a data set do with data as people bring them."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError
from gazeshift.mapstore.lookup import read_folder
from gazeshift.mapstore.store import read_maps
from gazeshift.pairs import Pair
from tests.conftest import Command
from tests.tiny_study import run_tiny, write_yaml

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tiny_run: Path, tmp_path: Path) -> Path:
    """Plates pairs as ``train.csv`` and ``test.csv`` beside bitmaps of one size, with none of the Plates files."""
    folder = tmp_path / "data"
    for split in ("train", "test"):
        rows = []
        for index, pair in enumerate(pair for pair in load_pairs(tiny_run / "plates").pairs if pair.split == split):
            name = f"images/{split}{index:03}.bmp"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            assert isinstance(pair.image, Path)
            with Image.open(pair.image) as image:
                image.convert("RGB").save(folder / name)
            rows.append({"image": name, "text": pair.text, "label": pair.label})
        write(folder / f"{split}.csv", rows)
    return folder


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def model(tiny_run: Path) -> Path:
    return tiny_run / "models" / "early-fusion" / "seed-0"


def study_settings(data: Path) -> dict[str, object]:
    return {
        "data": {"root": str(data), "validation": 0.2, "workers": 1},
        "models": {"image-only": None},
        "text": {"encoder": "none"},
        "seeds": [0],
        "explain": {"edits": [], "samples": 1},
    }


def correct(picture: Path) -> None:
    """Other content in the same number of bytes, the times as they were."""
    before = picture.stat()
    with Image.open(picture) as image:
        Image.fromarray(255 - np.asarray(image)).save(picture)
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (picture.stat().st_size, picture.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_picture_corrected_in_place_repeats_what_it_touches_and_a_copy_nothing(
    data: Path, tmp_path: Path, split: str
) -> None:
    def states(root: Path) -> dict[str, str]:
        return run_tiny(tmp_path, run, **study_settings(root))

    run, moved = tmp_path / "run", tmp_path / "moved"
    maps = run / "store/maps/image-only/seed-0.parquet"
    assert set(states(data).values()) == {"done"}
    before = read_maps(maps)[1]
    shutil.copytree(data, moved)
    assert set(states(moved).values()) == {"reused"}
    correct(data / f"images/{split}003.bmp")
    corrected = states(data)
    assert corrected.pop("train image-only seed 0") == ("done" if split == "train" else "reused")
    assert set(corrected.values()) == {"done"}
    assert not np.array_equal(before, read_maps(maps)[1])
    assert set(states(data).values()) == {"reused"}


@pytest.mark.parametrize("missing", ["-1", "", "nan"])
def test_an_unlabelled_test_split_is_refused_and_has_no_accuracy(
    gazeshift: Command, data: Path, model: Path, tmp_path: Path, missing: str
) -> None:
    training = read(data / "train.csv")
    names = sorted({row["label"] for row in training})
    if missing == "-1":  # classes are numbers then
        write(data / "train.csv", [{**row, "label": str(names.index(row["label"]))} for row in training])
    write(data / "test.csv", [{**row, "label": missing} for row in read(data / "test.csv")])
    message = "test split: 20 rows of it have no class"
    with pytest.raises(DataError, match=message):
        run_tiny(tmp_path, tmp_path / "run", **study_settings(data))
    code, out, err = gazeshift("evaluate", model, "--data", data)
    assert (code, out) == (2, "")
    assert message in err
    code, out, _ = gazeshift("data", "check", data)
    assert code == 1
    assert message in out


@pytest.mark.parametrize("root", ["test.csv", "."])
def test_a_test_table_is_evaluated_whole(gazeshift: Command, data: Path, model: Path, root: str) -> None:
    code, out, err = gazeshift("evaluate", model, "--data", data / root, "--json")
    assert code == 0, err
    assert json.loads(out)["n"] == 20


def test_a_drawn_split_is_said_before_it_is_scored(gazeshift: Command, data: Path, model: Path) -> None:
    (data / "test.csv").rename(data / "pairs.csv")
    code, out, err = gazeshift("evaluate", model, "--data", data / "pairs.csv", "--json")
    assert code == 0
    assert f"{json.loads(out)['n']} of 20 pairs" in err
    assert "are drawn as test" in err


@pytest.mark.parametrize("columns", [("image", "text"), ("image",)], ids=["no classes", "no classes, no texts"])
def test_maps_of_a_table_without_classes(
    gazeshift: Command, data: Path, model: Path, tmp_path: Path, columns: tuple[str, ...]
) -> None:
    write(data / "photos.csv", [{name: row[name] for name in columns} for row in read(data / "test.csv")])
    out = tmp_path / "maps"
    texts = ("--text", "a donut") if "text" not in columns else ()
    code, _, err = gazeshift("maps", model, "--data", data / "photos.csv", "--out", out, *texts)
    assert code == 0, err
    rows = read_folder(out)[0]
    assert len(rows) == 20
    assert set(rows["label"]) == {""}
    again = tmp_path / "labelled.parquet"
    code, _, err = gazeshift("maps", model, "--data", data / "photos.csv", "--out", again, *texts, "--target", "label")
    assert code == 2
    assert "label" in err


def test_train_and_study_name_the_table_that_they_did_not_read(gazeshift: Command, data: Path, tmp_path: Path) -> None:
    study = write_yaml(tmp_path, **study_settings(data / "train.csv"))
    code, _, err = gazeshift("train", study, "--model", "image-only", "--out", tmp_path / "m")
    assert code == 2
    assert "test.csv" in err
    assert "folder" in err


def test_the_home_folder_in_a_study_file_is_found(
    gazeshift: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    study = write_yaml(tmp_path, **study_settings(Path("~/data/train.csv")))
    code, _, err = gazeshift("train", study, "--model", "image-only", "--out", tmp_path / "m")
    assert code == 2
    assert "test.csv" in err  # read, and then refused as above


def test_pairs_of_one_image_are_told_apart_in_a_study(tiny_run: Path, data: Path, tmp_path: Path) -> None:
    rows = [{**row, "text": f"{word} {row['text']}"} for row in read(data / "test.csv") for word in ("one", "two")]
    write(data / "test.csv", rows)
    run_tiny(tmp_path, tmp_path / "run", **study_settings(data))
    maps = read_maps(tmp_path / "run/store/maps/image-only/seed-0.parquet")[0]
    assert len(set(maps["key"])) == 40
    assert isinstance(load_pairs(data).pairs[0], Pair)
