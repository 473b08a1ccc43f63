"""A file takes its name when it is whole; what is no file is not replaced, links stay, and anyone may read it."""

import os
from pathlib import Path

import pytest

from gazeshift.atomic import atomic_write
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
        with pytest.raises(UsageError, match=rf"{path}: is no file"), atomic_write(path):
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
