"""Files of a small study: plain names only, so many, so large, and pictures that are pictures."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gazeshift.app.small import dropped as module
from gazeshift.app.small.dropped import Dropped, plain_name
from gazeshift.errors import GazeshiftError, ImageError, UsageError

from .conftest import file_of

PICTURE = file_of(Image.new("RGB", (8, 8), "red"))
WRONG = [
    "",
    " ",
    ".",
    "..",
    ".hidden.png",
    "../x.png",
    "a/b.png",
    "/etc/passwd",
    "a\\b.png",
    "C:x.png",
    "a\0.png",
    "a\n.png",
    "\ud800.png",
    "a" * 300 + ".png",
]


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_plain_file_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a plain file name"):
        Dropped(tmp_path / "data").keep(name, PICTURE)
    assert not list(tmp_path.iterdir())


@given(st.text(max_size=30))
def test_a_name_that_passes_leads_to_a_file_in_its_folder(name: str) -> None:
    try:
        plain = plain_name(name)
    except UsageError:
        return
    place = Path("/data/images") / plain
    assert place.parent == Path("/data/images")
    assert (place.name, plain) == (name, name)
    assert not name.startswith(".")


def test_a_table_and_pictures_are_kept_where_the_table_finds_them(tmp_path: Path) -> None:
    found = Dropped(tmp_path)
    found.keep("My Table.TSV", b"image\ttext\n")
    found.keep("夕食 1.png", PICTURE)
    found.keep("夕食 1.png", PICTURE)
    assert (found.pictures, files_in(tmp_path)) == (1, {"pairs.tsv", "images/夕食 1.png"})
    found.keep("other.csv", b"image,text\n")  # in place of the first
    assert files_in(tmp_path) == {"pairs.csv", "images/夕食 1.png"}
    assert found.table == tmp_path / "pairs.csv"


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.txt", b"text"), ("program.py", b"text"), ("empty.csv", b" \n"), ("a.png", b"text"), ("b.png", b"")],
)
def test_what_is_neither_a_table_nor_a_picture_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises((UsageError, ImageError), match=f"^{name}: "):
        Dropped(tmp_path / "data").keep(name, content)
    assert not list(tmp_path.iterdir())


def test_sizes_and_numbers_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TABLE", 30)
    monkeypatch.setattr(module, "MAX_PICTURES", 2)
    monkeypatch.setattr(module, "MAX_TOTAL", 3 * len(PICTURE))
    monkeypatch.setattr(module, "MAX_BYTES", len(PICTURE) + 10)
    found = Dropped(tmp_path)
    large = file_of(Image.effect_noise((60, 60), 90))
    refused: list[tuple[str, bytes]] = [("t.csv", b"x" * 31), ("large.png", large)]
    found.keep("a.png", PICTURE)
    found.keep("b.png", PICTURE)
    found.keep("t.csv", b"image,text\n")
    found.keep("b.png", PICTURE)  # in place of the first, so there are still two
    refused.append(("c.png", PICTURE))
    for name, content in refused:
        with pytest.raises(GazeshiftError, match=f"^{name}: "):
            found.keep(name, content)
    assert files_in(tmp_path) == {"pairs.csv", "images/a.png", "images/b.png"}
    monkeypatch.setattr(module, "MAX_PICTURES", 3)
    monkeypatch.setattr(module, "MAX_TOTAL", 3 * len(PICTURE))
    with pytest.raises(UsageError, match="MB in all"):  # with the table it is more than three pictures
        found.keep("c.png", PICTURE)
