"""References to pictures inside larger files and at addresses: a few hundred bytes each, whatever the picture weighs."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow
import pyarrow.parquet as pq

from gazeshift.data.addresses import Root, without_secrets
from gazeshift.data.ahead import ahead
from gazeshift.data.cells import as_picture, is_picture
from gazeshift.data.remote import opened, stretch, whole
from gazeshift.errors import DataError
from gazeshift.pairs import ImageReference

GROUPS_KEPT = 4
"""Row groups of Parquet files that stay in memory, so that pictures read in order are fetched once."""


@dataclass(frozen=True, slots=True)
class Stretch(ImageReference):
    """A stretch of a file: a member of a tar shard.

    Attributes:
        file: path or address of the file.
        start: offset of the picture's first byte.
        size: its length in bytes.
        name: see ``ImageReference``; likewise the next three.
    """

    file: Root = field(repr=False)
    start: int
    size: int
    name: str
    digest: str | None
    state: str = ""
    block: str | None = None

    def read(self) -> bytes:  # noqa: D102
        near = isinstance(self.file, Path)
        found = stretch(self.file, self.start, self.size) if near else ahead.read(str(self.file), self.start, self.size)
        return unchanged(found, self.digest, self.file)

    @property
    def identity(self) -> str:  # noqa: D102
        return self.digest or f"{self.file}:{self.start}"


@dataclass(frozen=True, slots=True)
class Elsewhere(ImageReference):
    """A whole file at an address; its bytes are not read when the data are opened.

    Attributes:
        address: where it is.
        name: see ``ImageReference``; likewise the next three.
    """

    address: str = field(repr=False)
    name: str
    state: str = field(default="", repr=False)
    digest: str | None = None
    block: str | None = None

    def read(self) -> bytes:  # noqa: D102
        return whole(self.address, self.name)

    @property
    def identity(self) -> str:  # noqa: D102
        return self.address


@dataclass(frozen=True, slots=True)
class ParquetCell(ImageReference):
    """A cell of a Parquet file. Its row group is read as a whole; the last ``GROUPS_KEPT`` are kept.

    Attributes:
        file: path or address of the file.
        group: number of its row group.
        row: number of its row in the group.
        column: its top-level column.
        name: see ``ImageReference``; likewise the next three.
    """

    file: Root = field(repr=False)
    group: int
    row: int
    column: str
    name: str
    digest: str | None
    block: str | None = field(repr=False)
    state: str = ""

    def read(self) -> bytes:  # noqa: D102
        rows = _kept.get(
            (str(self.file), self.group, self.column), lambda: _row_group(self.file, self.group, self.column)
        )
        value = rows[self.row].as_py() if self.row < len(rows) else None
        return unchanged(bytes_in(value), self.digest, self.file)

    @property
    def identity(self) -> str:  # noqa: D102
        return self.digest or f"{self.block}:{self.row}"


def bytes_in(value: Any) -> bytes:
    """The bytes of a cell: binary, or Hugging Face's ``{bytes, path}``; none if it holds none."""
    value = value.get("bytes") if isinstance(value, Mapping) else value
    return value if isinstance(value, bytes) else b""


def with_references(record: Mapping[str, Any], refer: Callable[[str, str, str], ImageReference]) -> dict[str, Any]:
    """A record with references in the place of its pictures' bytes.

    Args:
        record: values by column.
        refer: makes a reference from a column, the picture's name and the digest of its bytes.
    """
    return {column: _referred(column, value, refer) for column, value in record.items()}


def unchanged(found: bytes, digest: str | None, file: Root) -> bytes:
    """The bytes, if they are those that were there when the data were opened.

    Raises:
        DataError: they are not.
    """
    if digest is not None and hashlib.sha256(found).hexdigest() != digest:
        raise DataError(f"{without_secrets(file)}: has changed since it was opened; start again.")
    return found


def _referred(column: str, value: Any, refer: Callable[[str, str, str], ImageReference]) -> Any:
    content = bytes_in(value)
    if not content or (isinstance(value, bytes) and not is_picture(content)):
        return value
    found, name = as_picture(value)
    return refer(column, name, hashlib.sha256(found).hexdigest()) if isinstance(found, bytes) else value


@dataclass
class _Groups:
    """The row groups read last; each is read by one thread, while the others wait for it."""

    columns: OrderedDict[tuple[str, int, str], Any] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def get(self, key: tuple[str, int, str], read: Callable[[], Any]) -> Any:
        with self.lock:
            if key not in self.columns:
                self.columns[key] = read()
            self.columns.move_to_end(key)
            while len(self.columns) > GROUPS_KEPT:
                self.columns.popitem(last=False)
            return self.columns[key]


_kept = _Groups()


def _row_group(place: Root, group: int, column: str) -> Any:
    try:
        with opened(place) as file, pq.ParquetFile(file) as table:
            if group < table.num_row_groups and column in table.schema_arrow.names:
                return table.read_row_group(group, columns=[column]).column(0)
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split()).rstrip(".")[:200]
        raise DataError(f"{without_secrets(place)}: cannot be read any more ({reason}).") from error
    raise DataError(f"{without_secrets(place)}: has changed since it was opened; start again.")
