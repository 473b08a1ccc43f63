"""Data on S3 and on the web, through real servers on loopback: the same pairs as from files, and errors of one line."""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Command
from tests.data.packing import pack_parquet, pack_shards
from tests.data.servers import Whole, environment, forget, s3_server, upload, web_server

from gazeshift.data.audit import audit
from gazeshift.data.contents import content_digests, fingerprint
from gazeshift.data.decode import content_of
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError, ImageError, UsageError
from gazeshift.pairs import Pair
from gazeshift.study.pairs import read_pairs
from gazeshift.study.sections import DataConfig

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


def told(pair: Pair) -> tuple[str, ...]:
    """What a pair says, whatever its key."""
    return pair.text, pair.label, pair.split, content_of(pair.image).hex()


@pytest.mark.parametrize("layout", ["shards", "parquet", "table", "one table"])
def test_s3_gives_the_pairs_that_files_give(
    server: str, tmp_path: Path, rows: Rows, table: Any, layout: str, gazeshift: Command
) -> None:
    folder = {"shards": pack_shards, "parquet": pack_parquet}.get(layout, lambda root, _: root)(tmp_path, rows)
    if "table" in layout:
        table("pairs.csv", [list(rows[0]), *[list(row.values()) for row in rows]])
    name = "/pairs.csv" if layout == "one table" else ""
    address = upload(server, folder, layout.replace(" ", "-")) + name
    near, far = load_pairs(Path(f"{folder}{name}")), load_pairs(address)
    assert far.format == near.format
    assert far.classes == near.classes
    assert far.findings == near.findings == ()
    assert [pair.key for pair in far.pairs] == [pair.key for pair in near.pairs]
    assert list(map(told, far.pairs)) == list(map(told, near.pairs))
    assert fingerprint(far.pairs) == fingerprint(near.pairs)
    assert audit(far).counts == {}
    assert list(map(told, pickle.loads(pickle.dumps(far.pairs)))) == list(map(told, near.pairs))  # noqa: S301
    code, out, err = gazeshift("data", "check", address)
    assert (code, err) == (0, "")
    assert address in out


def test_images_beside_a_table_are_found_or_reported(server: str, tmp_path: Path, rows: Rows, table: Any) -> None:
    (tmp_path / "images/im03.png").rename(tmp_path / "images/IM03.png")
    (tmp_path / "images/im04.png").unlink()
    named = [*(row["image"] for row in rows[:5]), "../im05.png"]
    table("pairs.csv", [["image", "text", "label"], *([name, "a text", "pie"] for name in named)])
    found = load_pairs(upload(server, tmp_path, "beside"))
    assert [pair.key for pair in found.pairs] == [*named[:3], "images/IM03.png"]
    assert {(each.kind, each.key) for each in found.findings} >= {
        ("missing image", "pairs.csv:6"),
        ("escaped path", "pairs.csv:7"),
    }


def test_pictures_at_an_address_are_digested_once(server: str, tmp_path: Path, rows: Rows, table: Any) -> None:
    table("pairs.csv", [list(rows[0]), *[list(row.values()) for row in rows]])
    address = upload(server, tmp_path, "once")
    known = tmp_path / "known.json"
    first = content_digests([pair.image for pair in load_pairs(address).pairs], known)
    assert "word" not in known.read_text()
    again = [pair.image for pair in load_pairs(address).pairs]
    before = known.read_bytes()
    known.write_text(known.read_text().replace(first[0], "0" * 64))  # what is known is not read again
    assert content_digests(again, known) == ["0" * 64, *first[1:]]
    known.write_bytes(before)
    (tmp_path / "images/im00.png").write_bytes((tmp_path / "images/im01.png").read_bytes())
    upload(server, tmp_path / "images", "once/images")  # a correction has another entity tag
    forget()
    assert content_digests([pair.image for pair in load_pairs(address).pairs], known) == [first[1], *first[1:]]


def test_the_web_gives_the_same_pairs_by_ranges(tmp_path: Path, rows: Rows, table: Any) -> None:
    pack_shards(tmp_path, rows)
    table("pairs.csv", [list(rows[0]), *[list(row.values()) for row in rows]])
    near = load_pairs(tmp_path / "shards/food-train-{000..001}.tar")
    with web_server(tmp_path) as (address, asked):
        far = load_pairs(f"{address}/shards/food-train-{{000..001}}.tar")
        assert list(map(told, far.pairs)) == list(map(told, near.pairs))
        asked.clear()
        assert [content_of(pair.image) for pair in far.pairs] == [content_of(pair.image) for pair in near.pairs]
        assert len(asked) <= 4, "in order, one request fetches many pictures"
        assert all(re.fullmatch(r"bytes=\d+-\d+", each) for each in asked)
        tabled = load_pairs(f"{address}/pairs.csv")
        assert list(map(told, tabled.pairs)) == list(map(told, load_pairs(tmp_path / "pairs.csv").pairs))
        (tmp_path / "images/im02.png").unlink()  # nobody can list the web: it is missed when it is read
        assert [each.key for each in audit(tabled).findings if each.kind == "corrupt image"] == ["images/im02.png"]
        with pytest.raises(ImageError, match=r"^im02.png: no such file\.$"):
            content_of(tabled.pairs[2].image)
        with pytest.raises(DataError, match="folders on the web cannot be listed"):
            load_pairs(f"{address}/shards")


def test_a_server_without_ranges_is_refused_before_it_sends_everything_for_each_picture(
    tmp_path: Path, rows: Rows
) -> None:
    pack_shards(tmp_path, rows)
    with web_server(tmp_path, Whole) as (address, _):
        pairs = load_pairs(f"{address}/shards/food-test-000.tar").pairs
        with pytest.raises(DataError, match="ignores ranges"):
            content_of(pairs[0].image)


def test_what_a_file_address_names_is_the_file(tmp_path: Path, rows: Rows) -> None:
    folder = pack_shards(tmp_path, rows)
    assert load_pairs(f"file://{folder}").pairs == load_pairs(folder).pairs


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://nowhere/x", "s3://nowhere/x: no such file, folder or bucket."),
        ("s3://nowhere/x.tar", "s3://nowhere/x.tar: no such file, folder or bucket."),
        ("s3://nowhere/x.parquet", "s3://nowhere/x.parquet: no such file, folder or bucket."),
        ("s3://food/none/pairs.csv", "s3://food/none/pairs.csv: no such file, folder or bucket."),
        ("what://food/x", "what://food/x: no address of a known kind (s3, gs, http, https, file, hf, ...)."),
        ("s3://food/x.tar.gz", "s3://food/x.tar.gz: a picture in a compressed shard cannot be read alone; unpack it to a plain .tar."),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_line(server: str, address: str, message: str, gazeshift: Command) -> None:
    assert gazeshift("data", "check", address) == (2, "", f"gazeshift: {message}\n")


def test_without_credentials_the_way_to_give_them_is_named(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in environment(""):
        if "KEY" in name:
            monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    forget()
    try:
        with pytest.raises(DataError, match=r"^s3://food/pairs.csv: no credentials were found; set AWS_PROFILE"):
            load_pairs("s3://food/pairs.csv")
    finally:
        forget()


def test_a_refused_connection_is_one_line_without_secrets(gazeshift: Command) -> None:
    code, out, err = gazeshift("data", "check", "http://me:word@127.0.0.1:9/a.tar?X-Amz-Signature=hidden")
    assert (code, out) == (2, "")
    assert err.startswith("gazeshift: http://127.0.0.1:9/a.tar: cannot be reached (")
    assert err.count("\n") == 1
    assert "word" not in err
    assert "hidden" not in err


def test_a_layout_that_is_not_read_remotely_is_said(server: str) -> None:
    with pytest.raises(UsageError, match="the layout upmc is read from this machine only"):
        load_pairs("s3://food/x", "upmc")


def test_a_shard_that_changes_at_its_address_is_noticed(server: str, tmp_path: Path, rows: Rows) -> None:
    folder = pack_shards(tmp_path, rows)
    found = load_pairs(upload(server, folder, "changing"))
    pack_shards(tmp_path, [{**row, "image": rows[0]["image"]} for row in rows])
    upload(server, folder, "changing")
    for pair in (pair for pair in found.pairs if pair.text != rows[0]["text"]):
        with pytest.raises(DataError, match=r"has changed since it was opened; start again\.$"):
            content_of(pair.image)


def test_a_study_reads_its_splits_from_an_address(server: str, tmp_path: Path, rows: Rows) -> None:
    folder = pack_shards(tmp_path, rows)
    address = upload(server, folder, "study")
    far = read_pairs(DataConfig(root=address, validation=0.3), address, cache=tmp_path)
    near = read_pairs(DataConfig(root=str(folder), validation=0.3), folder)
    assert far.fingerprint == near.fingerprint
    assert {split: len(pairs) for split, pairs in far.splits.items()} == {"train": 9, "validation": 3, "test": 6}
    assert far.root == address
