"""Pictures in folders named after their classes: what every labelled image set looks like that has no texts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mosaic.flat_photos import flat

from gazeshift.data.mosaic import MosaicConfig, write
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, UsageError


def put(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(flat(number))
    return root


def test_the_class_is_the_folder_and_the_split_the_one_above(tmp_path: Path) -> None:
    root = put(
        tmp_path, "train/pie/1.png", "train/soup/1.png", "val/pie/2.png", "test/soup/deep/3.png", "test/loose.png"
    )
    found = load_pairs(root, optional={"text"})
    assert found.format == "folders"
    assert {(pair.key, pair.label, pair.split) for pair in found.pairs} == {
        ("train/pie/1.png", "pie", "train"),
        ("train/soup/1.png", "soup", "train"),
        ("val/pie/2.png", "pie", "validation"),
        ("test/soup/deep/3.png", "deep", "test"),
    }
    assert [(each.kind, each.key) for each in found.findings if each.kind == "missing class"] == [
        ("missing class", "test/loose.png")
    ]
    assert {pair.text for pair in found.pairs} == {""}


def test_splits_are_drawn_where_there_are_none(tmp_path: Path) -> None:
    root = put(tmp_path, *(f"{name}/{number}.png" for name in ("pie", "soup") for number in range(8)))
    found = load_pairs(root, optional={"text"})
    assert {pair.split for pair in found.pairs} == {"train", "test"}
    assert found.classes == ("pie", "soup")


@pytest.mark.parametrize("names", [("images/1.png", "images/2.png"), ("1.png", "2.png"), ("train/pie/1.png",)])
def test_one_folder_of_pictures_is_no_class(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="no known layout"):
        load_pairs(put(tmp_path, *names), optional={"text"})


def test_whatever_names_the_pictures_goes_before_their_folders(tmp_path: Path) -> None:
    put(tmp_path, "pie/1.png", "soup/2.png")
    (tmp_path / "data.csv").write_text("image,text,label\npie/1.png,a pie,tart\nsoup/2.png,a soup,stew\n")
    found = load_pairs(tmp_path)
    assert (found.format, found.classes) == ("table", ("stew", "tart"))


def test_it_has_no_columns(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the layout folders has no columns"):
        load_pairs(put(tmp_path, "pie/1.png", "soup/2.png"), label_column="dish")


def test_mosaics_are_made_of_it(tmp_path: Path) -> None:
    names = [f"{name}/{number}.png" for name in ("pie", "soup", "ramen") for number in range(12)]
    pairs = load_pairs(put(tmp_path / "photos", *names), optional={"text"}).pairs
    written = write(MosaicConfig(tiles=(1, 2), size=64, train=4, validation=2, test=4), pairs, tmp_path / "mosaics")
    assert set(written.header.classes) == {"pie", "soup", "ramen"}


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, listed = put(tmp_path, "pie/1.png", "soup/2.png"), Path.iterdir

    def refused(folder: Path) -> Iterator[Path]:
        if folder.name == "soup":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(DataError, match=r"cannot be read .*Permission denied.*soup"):
        load_pairs(root, optional={"text"})
