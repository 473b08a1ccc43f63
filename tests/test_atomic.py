"""A file takes its name when it is whole; what is no file is not replaced, links stay, and anyone may read it."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.atomic import atomic_write, write_json
from gazeshift.errors import DataError, UsageError


def test_a_file_that_broke_off_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "a") as file:
        file.write_text(str(1 / file.write_text("")))
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "old")]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_write(tmp_path / "link") as file:
        file.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_pipes_devices_and_folders_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "folder", Path(os.devnull)):
        with pytest.raises(UsageError, match=rf"{path}: is a folder, a device or a pipe"), atomic_write(path):
            pass
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "pipe"]


def test_what_was_written_for_the_owner_alone_is_for_all_who_may_read(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as file:
        file.unlink()
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    (tmp_path / "plain").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a: cannot be written \(No such file"), atomic_write(tmp_path / "none" / "a"):
        pass


# Bytes of a file name that are no UTF-8 are held as lone surrogates.
_CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
_TEXTS = st.text(_CHARACTERS)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner), max_leaves=10)


@given(values=_VALUES, indent=st.none() | st.integers(0, 4))
def test_json_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: object, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "values.json"
    write_json(path, values, indent=indent)
    written = path.read_bytes().decode("utf-8")
    assert json.loads(written) == values
    assert written.endswith("\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_form_for_is_refused_and_the_file_stays(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "a", 1)
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a", {"figure": number})
    assert (tmp_path / "a").read_text() == "1\n"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
