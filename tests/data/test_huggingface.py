"""Data sets of Hugging Face's ``datasets``, saved to a folder; the hub itself is never asked in tests."""

import pickle
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
from tests.conftest import Command
from tests.data.packing import NAMES

from gazeshift.data.audit import audit
from gazeshift.data.decode import content_of
from gazeshift.data.huggingface import DatasetCell, splits_of
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, UsageError

Rows = list[dict[str, Any]]


def saved(root: Path, rows: Rows) -> Path:
    """The rows as a DatasetDict with Image and ClassLabel features."""
    datasets.disable_progress_bars()
    features = datasets.Features(
        {"image": datasets.Image(), "text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(NAMES))}
    )
    parts = {}
    for split in ("train", "test"):
        mine = [row for row in rows if row["split"] == split]
        columns = {
            "image": [{"bytes": (root / row["image"]).read_bytes(), "path": row["image"]} for row in mine],
            "text": [row["text"] for row in mine],
            "label": [NAMES.index(row["label"]) for row in mine],
        }
        parts[split] = datasets.Dataset.from_dict(columns, features=features)
    datasets.DatasetDict(parts).save_to_disk(root / "saved", num_shards={"train": 2, "test": 1})
    parts["train"].save_to_disk(root / "alone")
    return root / "saved"


def test_a_saved_data_set_gives_the_pairs_of_its_rows(tmp_path: Path, rows: Rows, gazeshift: Command) -> None:
    loaded = load_pairs(saved(tmp_path, rows))
    assert (loaded.format, loaded.classes, loaded.findings) == ("datasets", NAMES, ())
    by_text = {pair.text: pair for pair in loaded.pairs}
    for row in rows:
        pair = by_text[row["text"]]
        assert (pair.label, pair.split) == (row["label"], row["split"])
        assert content_of(pair.image) == (tmp_path / row["image"]).read_bytes()
    assert audit(loaded).counts == {}
    code, out, _ = gazeshift("data", "check", tmp_path / "saved")
    assert code == 0
    assert "layout datasets" in out


def test_a_data_set_without_splits_gets_a_test_split(tmp_path: Path, rows: Rows) -> None:
    saved(tmp_path, rows)
    alone = load_pairs(tmp_path / "alone")
    assert len(alone.pairs) == 12
    assert {pair.split for pair in alone.pairs} == {"train", "test"}
    assert any(note.startswith("there are no splits") for note in alone.notes)


def test_its_pictures_are_read_anew_in_another_process(tmp_path: Path, rows: Rows) -> None:
    first = load_pairs(saved(tmp_path, rows)).pairs[0]
    packed = pickle.dumps(first)
    assert len(packed) < 1000
    splits_of.cache_clear()  # as in a process that has not opened it
    assert content_of(pickle.loads(packed).image) == content_of(first.image)  # noqa: S301


def test_a_row_that_is_another_now_is_noticed(tmp_path: Path, rows: Rows) -> None:
    pairs = load_pairs(saved(tmp_path, rows)).pairs
    cell = pairs[0].image
    assert isinstance(cell, DatasetCell)
    wrong = DatasetCell(cell.dataset, cell.split, 1, cell.column, cell.name, cell.digest)
    with pytest.raises(DataError, match=r"has changed since it was opened; start again\.$"):
        wrong.read()


def test_the_hub_is_not_asked_where_that_is_forbidden(gazeshift: Command) -> None:
    splits_of.cache_clear()
    code, out, err = gazeshift("data", "check", "hf://nobody/no-such-data")
    assert (code, out) == (2, "")
    assert err.startswith("gazeshift: hf://nobody/no-such-data: is not in the hub's cache, and HF_HUB_OFFLINE forbids")
    assert err.count("\n") == 1


def test_without_the_package_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    splits_of.cache_clear()
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r"pip install 'gazeshift\[datasets\]'"):
        load_pairs("hf://nobody/no-such-data")
