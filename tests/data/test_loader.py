import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gazeshift.data import loader
from gazeshift.data.loader import crops, crops_digest
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=8)


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    made = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (20 + number, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        made.append(Pair(path.name, path, "", "pie", "train"))
    return made


def kept(folder: Path) -> list[Path]:
    """What is in the cache, but for the list of digests, which is there or not by how old the pictures are."""
    return [path for path in (folder / "cache").iterdir() if path.name != loader.CONTENTS]


def expected(pairs: list[Pair]) -> np.ndarray:
    return np.stack([PREPROCESSING.crop(Image.open(pair.image)) for pair in pairs])


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("cached", [False, True])
def test_crops_are_those_of_the_preprocessing_in_order(
    pairs: list[Pair], tmp_path: Path, workers: int, cached: bool
) -> None:
    told = []
    cache = tmp_path / "deep/cache" if cached else None
    found = crops(pairs, PREPROCESSING, cache, workers=workers, progress=lambda *step: told.append(step))
    assert np.array_equal(found, expected(pairs))
    assert isinstance(found, np.memmap) == cached
    assert told == [(done, 6) for done in range(1, 7)]


def test_a_second_run_reads_no_image(pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = np.array(crops(pairs, PREPROCESSING, tmp_path / "cache"))
    monkeypatch.setattr(loader, "decode", None)
    assert np.array_equal(crops(pairs, PREPROCESSING, tmp_path / "cache"), first)
    # Normalisation comes later, so it does not count.
    assert np.array_equal(crops(pairs, replace(PREPROCESSING, mean=(0, 0, 0)), tmp_path / "cache"), first)
    assert len(kept(tmp_path)) == 1


def test_whatever_changes_the_crops_changes_the_digest(pairs: list[Pair]) -> None:
    digests = {crops_digest(pairs, PREPROCESSING)}
    digests |= {crops_digest(pairs, replace(PREPROCESSING, **change)) for change in ({"size": 9}, {"crop_fraction": 1})}
    digests.add(crops_digest(pairs, replace(PREPROCESSING, interpolation="nearest")))
    digests.add(crops_digest(pairs[::-1], PREPROCESSING))
    digests.add(crops_digest(pairs[:5], PREPROCESSING))
    digests |= {crops_digest([Pair("a", content, "", "pie", "train")], PREPROCESSING) for content in (b"one", b"two")}
    assert len(digests) == 8


def test_a_damaged_cache_is_made_again(pairs: list[Pair], tmp_path: Path) -> None:
    crops(pairs, PREPROCESSING, tmp_path / "cache")
    (file,) = kept(tmp_path)
    for damage in (b"", b"garbage", file.read_bytes()[:-100]):
        file.write_bytes(damage)
        assert np.array_equal(crops(pairs, PREPROCESSING, tmp_path / "cache"), expected(pairs))


def test_undecodable_images_are_counted_and_leave_no_file(pairs: list[Pair], tmp_path: Path) -> None:
    for number in (2, 4):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"2 of 6 images cannot be decoded; the first: 2\.png: not an image"):
        crops(pairs, PREPROCESSING, tmp_path / "cache")
    assert kept(tmp_path) == []


def test_a_cache_that_cannot_be_written(pairs: list[Pair], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        crops(pairs, PREPROCESSING, tmp_path / "0.png")


def test_images_that_are_bytes_and_no_images_at_all(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(buffer, "PNG")
    (crop,) = crops([Pair("a", buffer.getvalue(), "", "pie", "train")], PREPROCESSING, tmp_path / "cache")
    assert crop[:, 0, 0].tolist() == [255, 0, 0]
    assert crops([], PREPROCESSING, tmp_path / "cache").shape == (0, 3, 8, 8)
