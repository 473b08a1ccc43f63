"""A picture that is corrected in place is other data; a copy of the same pictures is not, and nothing is read twice."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gazeshift.data import contents
from gazeshift.data.contents import content_digests, fingerprint
from gazeshift.data.loader import crops
from gazeshift.data.regions.shapes import Box, LabelledPixels
from gazeshift.pairs import Pair, SceneCaption, SceneObject
from gazeshift.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=8)


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    made = []
    for number in range(4):
        path = tmp_path / "images" / f"{number}.bmp"  # of one size, whatever is in it
        path.parent.mkdir(exist_ok=True)
        paint(path, number)
        made.append(Pair(path.name, path, f"text {number}", "pie", "train"))
    return made


def paint(path: Path, seed: int) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)


def make_old(pairs: list[Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an hour had gone by since the pictures were written."""
    now = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr("gazeshift.data.contents.time.time_ns", lambda: now)


def correct(path: Path, how: str) -> None:
    """Change the picture, keep the file's size."""
    before = path.stat()
    if how == "another file":
        other = path.with_name("other.bmp")
        paint(other, 99)
        other.replace(path)
    else:
        paint(path, 99)
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # within one tick of the file system's clock
        os.utime(path)
    if how == "times kept":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


@pytest.mark.parametrize("how", ["in place", "another file", "times kept"])
@pytest.mark.parametrize("old", [True, False], ids=["old pictures", "pictures made just now"])
def test_a_correction_of_the_same_size_is_noticed(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, old: bool
) -> None:
    if old:
        make_old(pairs, monkeypatch)
    known, cache = tmp_path / "known.json", tmp_path / "cache"
    first, cropped = fingerprint(pairs, known), np.array(crops(pairs, PREPROCESSING, cache))
    assert fingerprint(pairs, known) == first
    correct(tmp_path / "images/2.bmp", how)
    assert fingerprint(pairs, known) != first
    assert fingerprint(pairs, known) == fingerprint(pairs)
    again = crops(pairs, PREPROCESSING, cache)
    assert np.array_equal(again, crops(pairs, PREPROCESSING))
    assert not np.array_equal(again, cropped)


def test_a_copy_elsewhere_is_the_same_data(pairs: list[Pair], tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "images", tmp_path / "copy")  # other times, other inodes
    copied = [replace(pair, image=tmp_path / "copy" / pair.key) for pair in pairs]
    assert fingerprint(copied, tmp_path / "known.json") == fingerprint(pairs, tmp_path / "known.json")


def test_nothing_is_read_twice_unless_it_changes(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(pairs, monkeypatch)
    read: list[str] = []
    digest = contents._digest
    monkeypatch.setattr(contents, "_digest", lambda path: (read.append(path.name), digest(path))[1])
    images, known = [pair.image for pair in pairs], tmp_path / "cache/known.json"
    first = content_digests(images, known)
    assert len(read) == 4
    assert content_digests(images[:2], known) == first[:2]
    assert content_digests(images, known) == first
    assert len(read) == 4
    correct(tmp_path / "images/1.bmp", "in place")
    assert content_digests(images, known) != first
    assert read[4:] == ["1.bmp"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'{"a": 1}'])
def test_a_damaged_list_of_digests_is_made_again(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    make_old(pairs, monkeypatch)
    known = tmp_path / "known.json"
    known.write_bytes(content)
    images = [pair.image for pair in pairs]
    assert content_digests(images, known) == content_digests(images)
    assert known.read_bytes() != content


def test_a_place_that_cannot_be_written_costs_time_alone(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(pairs, monkeypatch)
    (tmp_path / "file").touch()
    assert fingerprint(pairs, tmp_path / "file" / "known.json") == fingerprint(pairs)
    assert fingerprint(pairs, tmp_path / "images") == fingerprint(pairs)


def test_a_file_that_is_gone_is_other_data_and_no_error(pairs: list[Pair], tmp_path: Path) -> None:
    first = fingerprint(pairs)
    (tmp_path / "images/0.bmp").unlink()
    assert fingerprint(pairs, tmp_path / "known.json") not in {first, ""}


def test_all_that_is_known_of_a_scene_counts(pairs: list[Pair], tmp_path: Path) -> None:
    mask = tmp_path / "mask.bmp"
    paint(mask, 7)
    pair = replace(
        pairs[0],
        objects=(SceneObject("pie", "red", 1, True, (LabelledPixels(mask, 1),)),),
        captions=(SceneCaption("dish", "a pie", 1, "pie"),),
    )
    prints = {fingerprint([pair])}
    prints.add(fingerprint([replace(pair, objects=(replace(pair.objects[0], colour="blue"),))]))
    prints.add(fingerprint([replace(pair, objects=(replace(pair.objects[0], shapes=(LabelledPixels(mask, 2),)),))]))
    prints.add(fingerprint([replace(pair, objects=(replace(pair.objects[0], shapes=(Box(0, 0, 2, 2),)),))]))
    prints.add(fingerprint([replace(pair, captions=())]))
    correct(mask, "in place")
    prints.add(fingerprint([pair]))
    assert len(prints) == 6
