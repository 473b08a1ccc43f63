"""Tar shards read one after the other: the pairs of ``load_pairs``, without those of the shards before."""

import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.conftest import Build, Command
from tests.data.packing import pack_member, pack_shards, pack_tar, samples_of

from gazeshift.data.columns import Columns
from gazeshift.data.sources import load_pairs, stream_pairs
from gazeshift.errors import DataError
from gazeshift.mapstore.lookup import read_folder
from gazeshift.models import save
from gazeshift.study.pairs import stream_split
from gazeshift.study.sections import DataConfig

Rows = list[dict[str, Any]]


def keys(root: Path, split: str = "all") -> list[str]:
    streamed = stream_pairs(root, "auto", Columns(), split)
    assert streamed is not None
    return [pair.key for pairs, _ in streamed for pair in pairs]


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_the_pairs_are_those_of_a_whole_reading(tmp_path: Path, rows: Rows, split: str) -> None:
    root = pack_shards(tmp_path, rows)
    whole = [pair for pair in load_pairs(root).pairs if split in {"all", pair.split}]
    streamed = stream_pairs(root, "auto", Columns(), split)
    assert streamed is not None
    assert [pair for pairs, _ in streamed for pair in pairs] == whole


def test_other_layouts_are_read_as_a_whole(tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "pairs.csv").write_text("image,text,label\n")
    assert stream_pairs(tmp_path / "pairs.csv", "auto", Columns(), "all") is None
    assert stream_pairs(tmp_path / "none", "auto", Columns(), "all") is None


def test_shards_are_read_as_they_are_needed(tmp_path: Path, rows: Rows) -> None:
    root = pack_shards(tmp_path, rows)
    streamed = stream_pairs(root, "auto", Columns(), "all")
    assert streamed is not None
    next(streamed)
    (root / "zz.tar").write_bytes(b"no tar file")  # not among the shards when the reading began
    assert sum(len(pairs) for pairs, _ in streamed) > 0
    with pytest.raises(DataError, match="truncated, or not a tar file"):
        keys(root)


def test_a_split_that_nobody_says_is_asked_for(tmp_path: Path, rows: Rows) -> None:
    root = tmp_path / "plain"
    pack_tar(root / "food-000.tar", samples_of(tmp_path, rows))
    assert len(keys(root)) == len(rows)
    with pytest.raises(DataError, match=r"food-000\.tar: says no split .*; take the split all"):
        keys(root, "test")


def test_findings_are_counted_and_names_masked(tmp_path: Path, rows: Rows) -> None:
    root = pack_shards(tmp_path, rows)
    with tarfile.open(root / "food-test-001.tar", "w") as tar:
        pack_member(tar, "a.png", (tmp_path / rows[0]["image"]).read_bytes())
        pack_member(tar, "a.txt", b"an apple")
        pack_member(tar, "a.cls", b"apple")
        pack_member(tar, "a.exe", b"not read")
    found = Counter[str]()
    data = DataConfig(root=str(root), mask_class_names=True)
    pairs = stream_split(data, root, "all", ("apple", "bread", "cake"), (), found)
    assert pairs is not None
    assert not any(name in pair.text for pair in pairs for name in ("apple", "bread", "cake"))
    assert found == {"stray file": 1}


def test_maps_of_shards(build: Build, tmp_path: Path, rows: Rows, gazeshift: Command) -> None:
    """The same maps as from the table that the shards were packed from."""
    save(build("early-fusion"), tmp_path / "model")
    pd.DataFrame(rows).to_csv(tmp_path / "pairs.csv", index=False)
    for name, root in (("shards", pack_shards(tmp_path, rows)), ("table", tmp_path / "pairs.csv")):
        command = ("maps", tmp_path / "model", "--data", root, "--split", "test", "--out", tmp_path / f"maps-{name}")
        code, out, err = gazeshift(*command)
        assert code == 0, err
        assert "maps of 6 images" in out
    (shards, ours), (table, theirs) = (read_folder(tmp_path / f"maps-{name}") for name in ("shards", "table"))
    by_text = {text: row for row, text in enumerate(table["text"])}
    order = [by_text[text] for text in shards["text"]]
    assert (ours == theirs[order]).all() or abs(ours - theirs[order]).max() <= 1e-3 * abs(theirs).max()
    assert shards["class"].tolist() == table["class"][order].tolist()
