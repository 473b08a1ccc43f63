"""Plates on disk: the same bytes every time, a layout others read, nothing half written."""

import csv
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from gazeshift.cli.data import plates
from gazeshift.data.plates import PlatesConfig, label_map, read_scenes, render, scene_and_caption, store, write
from gazeshift.data.plates.store import read_captions, read_config
from gazeshift.data.sources import load_pairs
from gazeshift.errors import ConfigError, DataError, UsageError

pytestmark = pytest.mark.slow

CONFIG = PlatesConfig(size=32, train=60, test=30, seed=4)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(CONFIG, tmp_path_factory.mktemp("plates") / "data").root


def digest(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_any_number_of_processes_writes_the_same_bytes(tmp_path, monkeypatch):
    # So that two chunks, one a split, go to two processes.
    monkeypatch.setattr(store, "_CHUNKS_WORTH_A_PROCESS", 1)
    one = write(CONFIG, tmp_path / "one").root
    two = write(CONFIG, tmp_path / "two", workers=2).root
    assert digest(one) == digest(two)


def test_the_layout_is_that_of_upmc_food_101_with_label_maps(root):
    for split, count in (("train", 60), ("test", 30)):
        with (root / "texts" / f"{split}_titles.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert len(rows) == count
        for index, (file, title, label) in enumerate(rows):
            scene, caption = scene_and_caption(CONFIG, split, index)
            assert (file, title, label) == (f"{scene.label}_{index}.png", caption.text, scene.label)
            assert (np.asarray(Image.open(root / "images" / split / label / file)) == render(scene)).all()
            assert (np.asarray(Image.open(root / "masks" / split / label / file)) == label_map(scene)).all()
    header = json.loads((root / "plates.json").read_text())
    assert header["image_only_ceiling"]["train"] == pytest.approx(0.58)


def test_scenes_and_captions_come_back_as_they_were(root):
    scenes, captions = read_scenes(root), read_captions(root)
    assert len(scenes) == 90
    for split, count in (("train", 60), ("test", 30)):
        for index in range(count):
            scene, caption = scene_and_caption(CONFIG, split, index)
            key = f"images/{split}/{scene.label}/{scene.label}_{index}.png"
            assert scenes[key] == scene
            assert captions[key] == caption
            assert (render(scenes[key], without=1) == render(scene, without=1)).all()
    assert read_config(root) == CONFIG


def test_the_table_of_objects_says_what_the_text_refers_to(root):
    table = pd.read_parquet(root / "objects.parquet")
    assert {
        "key",
        "index",
        "name",
        "colour",
        "category",
        "x",
        "y",
        "radius",
        "referred",
        "caption_kind",
        "scene_seed",
    } <= set(table.columns)
    for _, rows in table.groupby("key"):
        assert rows["target"].sum() == 1
        assert rows.loc[rows["target"], "name"].item() == rows["label"].iloc[0]
        useless = rows["caption_kind"].iloc[0] == "useless"
        assert (rows["referred"] == (rows["target"] & (not useless))).all()


def test_the_data_layer_reads_it_without_a_complaint(root):
    pair_set = load_pairs(root)
    assert not pair_set.findings
    assert list(pair_set.classes) == sorted({pair.label for pair in pair_set.pairs})
    captions = read_captions(root)
    assert {pair.key: pair.text for pair in pair_set.pairs} == {key: c.text for key, c in captions.items()}
    for pair in pair_set.pairs:
        assert [o.index for o in pair.objects if o.referred] == [i for i in (captions[pair.key].referred,) if i]
        assert all(each.shapes[0].source.is_file() for each in pair.objects)


def test_the_same_settings_reuse_a_folder_and_others_are_refused(root, tmp_path):
    before = digest(root)
    assert write(CONFIG, root).reused
    with pytest.raises(UsageError, match="other settings"):
        write(PlatesConfig(size=32, train=60, test=30, seed=5), root)
    assert digest(root) == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        write(CONFIG, tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        write(CONFIG, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "label_map", fail)
    with pytest.raises(KeyboardInterrupt):
        write(CONFIG, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_be_filled_and_a_split_may_be_empty(tmp_path):
    written = write(PlatesConfig(size=32, train=3, test=0), tmp_path)
    assert written.scenes == {"train": 3, "test": 0}
    assert len(read_scenes(tmp_path)) == 3


def test_another_folder_is_no_plates_root(tmp_path):
    with pytest.raises(DataError, match="not a Plates data set"):
        read_scenes(tmp_path)
    (tmp_path / "plates.json").write_text("[]")
    with pytest.raises(DataError, match="write the data set again"):
        read_config(tmp_path)


@pytest.mark.parametrize("name", ["generator", "version", "config", "image_only_ceiling", "caption_kinds"])
def test_a_header_that_lacks_something_is_one_line(tmp_path, name):
    write(PlatesConfig(size=32, train=2, test=1), tmp_path)
    path = tmp_path / "plates.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != name}))
    for read in (read_config, read_scenes, lambda root: write(PlatesConfig(size=32, train=2, test=1), root)):
        with pytest.raises(DataError, match="write the data set again") as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["key", "target", "plate_y"])
def test_a_table_that_lacks_a_column_is_one_line(tmp_path, name):
    write(PlatesConfig(size=32, train=2, test=1), tmp_path)
    pd.read_parquet(tmp_path / "objects.parquet").drop(columns=name).to_parquet(tmp_path / "objects.parquet")
    for read in (read_scenes, read_captions):
        with pytest.raises(DataError, match=f"no column '{name}'; write the data set again"):
            read(tmp_path)


@pytest.fixture
def app():
    application = typer.Typer()
    application.command()(plates)
    return application


def test_the_command_prints_the_ceiling_and_says_when_nothing_was_written(tmp_path, app):
    arguments = [str(tmp_path / "out"), "--train", "4", "--test", "2", "--size", "32", "--workers", "1", "--quiet"]
    first, second = (CliRunner().invoke(app, [*arguments, "--set", "mix={dish: 1}"]) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert "4 train, 2 test" in first.output
    assert "dish 100%" in first.output
    assert "image alone: 0.580" in first.output
    assert "nothing written" not in first.output
    assert "nothing written" in second.output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--kappa", "2"], "kappa_target"),
        (["--set", "rho"], "NAME=VALUE"),
        (["--set", "roh=1"], "roh"),
        (["--set", "mix={"], "mix"),
    ],
)
def test_a_bad_option_is_an_error_that_names_it_and_writes_nothing(tmp_path, app, arguments, named):
    result = CliRunner().invoke(app, [str(tmp_path / "out"), *arguments])
    assert isinstance(result.exception, UsageError | ConfigError)
    assert named in str(result.exception)
    assert not (tmp_path / "out").exists()
