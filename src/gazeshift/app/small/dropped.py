"""The files of a small study: one table and its pictures, under plain names in one folder, and no more than fit."""

import threading
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gazeshift.app.pictures import MAX_BYTES, MAX_PIXELS
from gazeshift.atomic import atomic_write
from gazeshift.data.decode import decode
from gazeshift.data.locate import IMAGE_SUFFIXES
from gazeshift.errors import UsageError

TABLES = (".csv", ".tsv")
"""How the names of tables end."""

MAX_TABLE = 4_000_000
"""Bytes of the table."""

MAX_PICTURES = 500
"""Pictures of one study."""

MAX_TOTAL = 500_000_000
"""Bytes of all files of one study."""

MAX_NAME = 200
"""Bytes of a file's name; file systems take 255, and a file that is being written has a longer one."""

_NO_NAME = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, line and paragraph separators


@dataclass(eq=False)
class Dropped:
    """Files dropped on the page for one study.

    Attributes:
        folder: where they are: the table at its top, the pictures in ``images``, where a table's ``a.jpg`` and ``images/a.jpg`` are
            both found.
    """

    folder: Path
    _sizes: dict[str, int] = field(default_factory=dict)
    _table: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def table(self) -> Path | None:
        """The table; None if there is none yet."""
        return self._table

    @property
    def pictures(self) -> int:
        """How many pictures there are."""
        return len(self._sizes) - (self._table is not None)

    def keep(self, name: str, content: bytes) -> None:
        """Keep a file; one of the same name, and any other table, is replaced.

        Raises:
            UsageError: not a plain file name, neither a table nor a picture, too large, or too many.
            ImageError: not a picture, or one with too many pixels.
            DataError: it cannot be written.
        """
        name = plain_name(name)
        is_table = name.lower().endswith(TABLES)
        _check(name, content, is_table)
        with self._lock:
            place = (
                self.folder / f"pairs{PurePosixPath(name).suffix.lower()}"
                if is_table
                else self.folder / "images" / name
            )
            others = {at: size for at, size in self._sizes.items() if at != str(place)}
            if is_table and self._table is not None:
                others.pop(str(self._table), None)
            if len(others) - (self._table is not None and not is_table) >= MAX_PICTURES and not is_table:
                raise UsageError(f"{name}: a small study has at most {MAX_PICTURES} pictures; use gazeshift study.")
            if sum(others.values()) + len(content) > MAX_TOTAL:
                raise UsageError(
                    f"{name}: the files have more than {MAX_TOTAL // 1_000_000} MB in all; use gazeshift study."
                )
            with atomic_write(place, parents=True) as file:
                file.write_bytes(content)
            if is_table:
                if self._table not in {None, place}:
                    self._table.unlink(missing_ok=True)
                self._table = place
            self._sizes = {**others, str(place): len(content)}


def plain_name(name: str) -> str:
    """A name, if it is that of a file alone: no folders, not hidden, no control characters.

    Raises:
        UsageError: anything else.

    Example:
        >>> plain_name("夕食 1.jpg")
        '夕食 1.jpg'
        >>> plain_name("../a.jpg")
        Traceback (most recent call last):
        ...
        gazeshift.errors.UsageError: '../a.jpg' is not a plain file name: no folders, no leading dot, no control characters.
    """
    strange = any(letter in "/\\:" or unicodedata.category(letter) in _NO_NAME for letter in name)
    if not name.strip() or name.startswith(".") or strange or len(name.encode()) > MAX_NAME:
        raise UsageError(f"{name[:60]!r} is not a plain file name: no folders, no leading dot, no control characters.")
    return name


def _check(name: str, content: bytes, is_table: bool) -> None:
    if is_table:
        if len(content) > MAX_TABLE:
            raise UsageError(f"{name}: a table has at most {MAX_TABLE // 1_000_000} MB here; use gazeshift study.")
        if not content.strip():
            raise UsageError(f"{name}: the table is empty.")
        return
    if PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES:
        raise UsageError(f"{name}: neither a table (.csv, .tsv) nor a picture.")
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name}: the picture is larger than {MAX_BYTES // 1_000_000} MB; make it smaller.")
    decode(content, name, MAX_PIXELS)
