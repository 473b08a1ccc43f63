"""Tar shards as WebDataset writes them: what a sample means, what is wrong with one, and what is kept of it."""

import io
import json
import pickle
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Command
from tests.data.packing import NAMES, pack_member, pack_parquet, pack_shards, pack_tar, samples_of

from gazeshift.data.audit import audit
from gazeshift.data.contents import fingerprint
from gazeshift.data.decode import content_of, decode, image_size
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, UsageError

Rows = list[dict[str, Any]]


def test_a_sample_is_a_pair(tmp_path: Path, rows: Rows) -> None:
    loaded = load_pairs(pack_shards(tmp_path, rows))
    assert loaded.format == "webdataset"
    assert loaded.classes == NAMES
    assert loaded.findings == ()
    by_text = {pair.text: pair for pair in loaded.pairs}
    assert len(by_text) == len(rows)
    for row in rows:
        pair, content = by_text[row["text"]], (tmp_path / row["image"]).read_bytes()
        assert (pair.label, pair.split) == (row["label"], row["split"])
        assert content_of(pair.image) == content
        assert decode(pair.image).tobytes() == decode(content).tobytes()
        assert image_size(pair.image) == (12, 8)
        assert pair.key.endswith(f".tar/{Path(row['image']).name}")
    assert audit(loaded).counts == {}


def test_a_shard_a_pattern_and_folders_named_after_splits_are_roots(tmp_path: Path, rows: Rows) -> None:
    folder = pack_shards(tmp_path, rows)
    every = load_pairs(folder)
    part = load_pairs(folder / "food-train-{000..001}.tar")
    assert part.pairs == tuple(pair for pair in every.pairs if pair.split == "train")
    assert load_pairs(folder / "food-train-001.tar").pairs == part.pairs[6:]
    for split in ("train", "test"):
        (tmp_path / "nested" / split).mkdir(parents=True)
        for path in folder.glob(f"*{split}*"):
            path.rename(tmp_path / "nested" / split / path.name.replace(f"-{split}", ""))
    nested = load_pairs(tmp_path / "nested")
    assert {(pair.text, pair.split) for pair in nested.pairs} == {(pair.text, pair.split) for pair in every.pairs}


def test_fields_of_json_are_columns_and_files_of_the_sample_come_first(tmp_path: Path, rows: Rows) -> None:
    samples = samples_of(tmp_path, rows)
    for sample, row in zip(samples, rows, strict=True):
        fields = {
            "caption": f"seen: {row['text']}",
            "dish": row["label"],
            "split": row["split"],
            "image": "../../x.png",
        }
        sample["json"] = json.dumps(fields).encode()
        del sample["cls"]
    pack_tar(tmp_path / "food.tar", samples)
    own = load_pairs(tmp_path / "food.tar", label_column="dish")
    assert [pair.text for pair in own.pairs] == [row["text"] for row in rows]
    other = load_pairs(tmp_path / "food.tar", label_column="dish", text_column="caption")
    assert [pair.text for pair in other.pairs] == [f"seen: {row['text']}" for row in rows]
    assert [(pair.label, pair.split) for pair in other.pairs] == [(row["label"], row["split"]) for row in rows]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_tar_is_read(tmp_path: Path, rows: Rows, form: int) -> None:
    samples = samples_of(tmp_path, rows[:3])
    if form != tarfile.USTAR_FORMAT:
        samples[1]["__key__"] = ("a folder/" + "long" * 40 + "Ä").encode()
    pack_tar(tmp_path / "food.tar", samples, form)
    loaded = load_pairs(tmp_path / "food.tar")
    assert [content_of(pair.image) for pair in loaded.pairs] == [sample["png"] for sample in samples]
    assert loaded.pairs[1].key == f"food.tar/{samples[1]['__key__'].decode()}.png"


def test_what_is_no_part_of_a_sample_is_a_finding(tmp_path: Path, rows: Rows) -> None:
    first, second, third, fourth = samples_of(tmp_path, rows[:4])
    with tarfile.open(tmp_path / "food.tar", "w") as tar:
        for sample in (first, second):
            for suffix in ("png", "txt", "cls"):
                pack_member(tar, f"{sample['__key__'].decode()}.{suffix}", sample[suffix])
        pack_member(tar, "im01.jpg", first["png"])
        pack_member(tar, "../im08.png", first["png"])
        pack_member(tar, "im09.npy", b"x")
        link = tarfile.TarInfo("im10.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        pack_member(tar, "im11.txt", b"no picture")
        pack_member(tar, "im11.cls", b"apple")
        pack_member(tar, "im12.png", third["png"])
        pack_member(tar, "im12.txt", "caf\u00e9".encode("cp1252"))
        pack_member(tar, "im12.cls", b"apple\n")
        pack_member(tar, "im13.png", fourth["png"])
        pack_member(tar, "im13.json", b'{"a": 1, "a": 2}')
    loaded = load_pairs(tmp_path / "food.tar")
    assert [(pair.key, pair.text) for pair in loaded.pairs][2:] == [("food.tar/im12.png", "café")]
    assert {(each.kind, each.key) for each in loaded.findings} >= {
        ("stray file", "food.tar/im01.jpg"),
        ("escaped path", "food.tar"),
        ("stray file", "food.tar/im09.npy"),
        ("stray file", "food.tar/im10.png"),
        ("missing image", "food.tar/im11"),
        ("repaired encoding", "food.tar/im12.txt"),
        ("unreadable row", "food.tar/im13.json"),
        ("missing class", "food.tar/im13.png"),
    }


def cut_in_a_member(whole: bytes) -> bytes:
    return whole[: 2 * 512 + 100]


def cut_between_members(whole: bytes) -> bytes:
    return whole[: 2 * 512]


def without_its_end(whole: bytes) -> bytes:
    return whole.rstrip(b"\0").ljust(-(-len(whole.rstrip(b"\0")) // 512) * 512, b"\0")


def damaged_inside(whole: bytes) -> bytes:
    return whole[:1024] + b"x" * 512 + whole[1536:]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda _: b"no tar" * 200, cut_in_a_member, cut_between_members, without_its_end, damaged_inside],
)
def test_a_damaged_shard_is_one_line(
    tmp_path: Path, rows: Rows, damage: Callable[[bytes], bytes], gazeshift: Command
) -> None:
    path = pack_shards(tmp_path, rows) / "food-train-000.tar"
    path.write_bytes(damage(path.read_bytes()))
    code, out, err = gazeshift("data", "check", path.parent)
    assert (code, out) == (2, "")
    assert err.startswith(f"gazeshift: {path}: truncated")
    assert err.endswith("copy it again.\n")
    assert err.count("\n") == 1


def test_shards_that_are_not_there_or_cannot_be_read_alone(tmp_path: Path, rows: Rows) -> None:
    folder = pack_shards(tmp_path, rows)
    with pytest.raises(DataError, match=r"food-train-002\.tar"):
        load_pairs(folder / "food-train-{000..002}.tar")
    with pytest.raises(UsageError, match=r"\{000\.\.999999999\} stands for 1,000,000,000 shards"):
        load_pairs(folder / "food-train-{000..999999999}.tar")
    (folder / "food.tar.gz").write_bytes(b"x")
    with pytest.raises(DataError, match="compressed shard cannot be read alone; unpack it"):
        load_pairs(folder / "food.tar.gz")


@pytest.mark.parametrize("pack", [pack_shards, pack_parquet])
@pytest.mark.parametrize("how", ["other content", "shorter", "gone"])
def test_a_file_that_changes_after_it_was_opened_is_noticed(
    tmp_path: Path, rows: Rows, pack: Callable[..., Path], how: str
) -> None:
    folder = pack(tmp_path, rows)
    test = [pair for pair in load_pairs(folder).pairs if pair.split == "test"]
    (path,) = (path for path in folder.iterdir() if "test" in path.name)
    if how == "other content":
        pack(tmp_path, [{**row, "image": rows[0]["image"]} for row in rows])
    elif how == "shorter":
        path.write_bytes(path.read_bytes()[:300])
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"changed since it was opened|cannot be read") as caught:
        content_of(test[-1].image)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", [pack_shards, pack_parquet])
def test_no_picture_is_held(tmp_path: Path, rows: Rows, pack: Callable[..., Path]) -> None:
    heavy = [{**row, "image": f"images/heavy{number}.png"} for number, row in enumerate(rows)]
    for row in heavy:
        (tmp_path / row["image"]).write_bytes((tmp_path / rows[0]["image"]).read_bytes() + bytes(100_000))
    small = load_pairs(pack(tmp_path, rows, "small"))
    big = load_pairs(pack(tmp_path, heavy, "big"))
    each = [len(pickle.dumps(found.pairs)) / len(found.pairs) for found in (small, big)]
    assert each[1] < each[0] + 20, "bytes of a pair do not depend on those of its picture"
    for pair in big.pairs:
        slots = [getattr(pair.image, name) for name in type(pair.image).__slots__]
        assert sum(map(sys.getsizeof, slots)) < 700
        assert len(content_of(pair.image)) > 100_000


def test_the_same_pictures_are_the_same_data_in_any_packing(tmp_path: Path, rows: Rows) -> None:
    first = load_pairs(pack_shards(tmp_path, rows))
    digests = {pair.text: pair.image.digest for pair in first.pairs}  # type: ignore[union-attr]
    second = load_pairs(pack_parquet(tmp_path, rows))
    assert {pair.text: pair.image.digest for pair in second.pairs} == digests  # type: ignore[union-attr]
    assert fingerprint(first.pairs) == fingerprint(load_pairs(tmp_path / "shards").pairs)


def test_one_picture_of_several_samples_stays_in_one_split(tmp_path: Path, rows: Rows) -> None:
    samples = samples_of(tmp_path, rows)
    for number, sample in enumerate(samples):  # six pictures with three texts each, and no splits
        sample["png"] = samples[number // 3 * 3]["png"]
    loaded = load_pairs(pack_tar(tmp_path / "pairs.tar", samples))
    assert len(loaded.pairs) == 18
    splits: dict[str, set[str]] = {}
    for pair in loaded.pairs:
        splits.setdefault(pair.image.digest or "", set()).add(pair.split)  # type: ignore[union-attr]
    assert len(splits) == 6
    assert all(len(each) == 1 for each in splits.values())
    assert {split for each in splits.values() for split in each} == {"train", "test"}


def test_parquet_cells_that_hold_paths_or_texts_stay_what_they_are(tmp_path: Path, rows: Rows) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    content = (tmp_path / rows[0]["image"]).read_bytes()
    images = [
        {"bytes": content, "path": "a.png"},
        {"bytes": None, "path": rows[1]["image"]},
        {"bytes": None, "path": None},
    ]
    texts = [b"a text\nof two lines " * 300, "caf\u00e9".encode(), b"three"]
    pq.write_table(pa.table({"image": images, "text": texts, "label": ["pie"] * 3}), tmp_path / "pairs.parquet")
    loaded = load_pairs(tmp_path / "pairs.parquet")
    assert [pair.text for pair in loaded.pairs] == [texts[0].decode().strip(), "café"]
    assert [content_of(pair.image) for pair in loaded.pairs] == [content, (tmp_path / rows[1]["image"]).read_bytes()]
    assert [each.key for each in loaded.findings if each.kind == "missing image"] == ["pairs.parquet:3"]


def test_messages_quote_no_picture(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        pack_member(tar, "a.png", b"\x89PNG\r\n" + bytes(1000))
        pack_member(tar, "a.txt", b"text")
        pack_member(tar, "a.cls", b"pie")
    (tmp_path / "a.tar").write_bytes(file.getvalue())
    (finding,) = (each for each in audit(load_pairs(tmp_path / "a.tar")).findings if each.kind == "corrupt image")
    assert finding.key == "a.tar/a.png"
    assert len(finding.detail) < 120
