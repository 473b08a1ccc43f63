"""WebDataset's layout: tar shards whose members are samples, the files of one sample sharing a base name."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from gazeshift.data.addresses import Root, above, joined, last_name, without_secrets
from gazeshift.data.columns import Columns
from gazeshift.data.findings import Finding
from gazeshift.data.pool import map_ordered
from gazeshift.data.remote import is_listable, listing
from gazeshift.data.rows import SPLIT_NAMES, Source
from gazeshift.data.samples import Sample, samples_in
from gazeshift.data.table_files import split_of
from gazeshift.data.table_rows import TableRows
from gazeshift.data.tables import Table
from gazeshift.errors import DataError, UsageError

SUFFIX = ".tar"
_COMPRESSED = (".tar.gz", ".tgz", ".tar.zst", ".tar.bz2", ".tar.xz")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST = 100_000
_AT_ONCE = 8
"""Shards that are indexed at once."""
_COLUMNS = ("image", "text", "label", "split")


@dataclass(frozen=True)
class Shard:
    """A tar file of samples.

    Attributes:
        name: its path under the data root.
        place: where it is.
        split: the split that its name, or its folder's, indicates; None if none.
    """

    name: str
    place: Root
    split: str | None

    @classmethod
    def of(cls, name: str, place: Root) -> "Shard":
        """The shard, with the split of its name: ``train`` for ``food-train-000.tar`` and for ``train/000.tar``."""
        path = PurePosixPath(name)
        folder = next((part for part in path.parts[:-1] if part.lower() in SPLIT_NAMES), None)
        return cls(name, place, split_of(path) or folder)


class NoPaths:
    """For sources that hold their pictures: a sample without one has none anywhere."""

    def plain(self, written: str) -> tuple[str, str]:
        """The path as it is."""
        return written, ""

    def find(self, names: Sequence[str]) -> Finding:
        """Nothing."""
        return Finding("missing image", "", "no picture in the sample")


def is_shards(root: Path) -> bool:
    """Whether a path is a tar shard, a pattern of shards (``food-{000..009}.tar``), or a folder with shards."""
    if root.is_dir():
        return next(_in_folder(root), None) is not None
    return root.name.endswith(SUFFIX) and (root.is_file() or bool(_RANGE.search(root.name)))


def is_named_shards(root: Root) -> bool:
    """Whether the name alone says that a root is a shard or a pattern of shards."""
    return last_name(root).endswith(SUFFIX)


def refuse_compressed(root: Root) -> None:
    """Refuse shards that cannot be read in part.

    Raises:
        DataError: the name is that of a compressed tar file.
    """
    if last_name(root).lower().endswith(_COMPRESSED):
        raise DataError(
            f"{without_secrets(root)}: a picture in a compressed shard cannot be read alone; unpack it to a plain .tar."
        )


def shards_of(root: Root) -> list[Shard]:
    """The shards of a root, in the order of their names.

    Raises:
        DataError: a folder that cannot be listed.
        UsageError: a pattern of too many.
    """
    if is_named_shards(root):
        names = _expanded(last_name(root))
        return [Shard.of(name, joined(above(root), name)) for name in names]
    if isinstance(root, Path):
        return [Shard.of(path.relative_to(root).as_posix(), path) for path in _in_folder(root)]
    if not is_listable(root):
        return []
    names = [found.name for found in listing(root, deep=True) if found.name.endswith(SUFFIX)]
    return [Shard.of(name, joined(root, name)) for name in names if name.count("/") <= 1]


def read_shards(root: Root, columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of all tar shards of a root, as ``read_some``.

    Raises:
        DataError: a shard that is missing, unreachable, truncated, or no tar file.
    """
    refuse_compressed(root)
    return read_some(last_name(root), shards_of(root), columns, optional)


def read_some(name: str, shards: Sequence[Shard], columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of tar shards. Every shard is read once, from start to end; of the pictures only place and digest are kept.

    A sample's picture is the column ``image``, its ``.txt`` the column ``text``, its ``.cls`` the column ``label``; the fields of its
    ``.json`` are columns of their own names, unless a file of the sample is that column. Without a field ``split`` the shard's name tells.

    Args:
        name: of the data, for messages.
        shards: the shards.
        columns: columns by role, as for tables.
        optional: roles that may be missing.

    Raises:
        DataError: a shard that is missing, unreachable, truncated, or no tar file.
    """
    parts = map_ordered(partial(_records), shards, min(_AT_ONCE, max(1, len(shards))))
    records = [record for part, _ in parts for record in part]
    names = dict.fromkeys([*_COLUMNS[:1], *(name for _, record in records for name in record)])
    table = Table(name, tuple(names), tuple(records), tuple(each for _, found in parts for each in found))
    rows = TableRows(NoPaths(), columns, [table], [])
    rows.add(table, None, lambda path, label, split: (), {*optional})
    return rows.source()


def _records(shard: Shard) -> tuple[list[tuple[int | str, dict[str, Any]]], list[Finding]]:
    findings: list[Finding] = []
    made = [_record(sample, shard.split) for sample in samples_in(shard.name, shard.place, findings)]
    return made, findings


def _record(sample: Sample, split: str | None) -> tuple[int | str, dict[str, Any]]:
    own = {"image": sample.image, "text": sample.text, "label": sample.label}
    record = {**sample.fields, **{name: value for name, value in own.items() if value is not None}}
    record["image"] = sample.image
    if split is not None:
        record.setdefault("split", split)
    return sample.key, record


def _in_folder(root: Path) -> Iterator[Path]:
    """Shards at the top of a folder and in its folders, by name."""
    if root.is_dir():
        yield from sorted(path for pattern in (f"*{SUFFIX}", f"*/*{SUFFIX}") for path in root.glob(pattern))


def _expanded(name: str) -> list[str]:
    """The names that a pattern stands for.

    Example:
        >>> _expanded("food-{08..10}.tar")
        ['food-08.tar', 'food-09.tar', 'food-10.tar']
    """
    found = _RANGE.search(name)
    if not found:
        return [name]
    first, last = found.groups()
    count = int(last) - int(first) + 1
    if not 0 < count <= _MOST:
        raise UsageError(f"{name}: the pattern {found[0]} stands for {count:,} shards; give 1 to {_MOST:,}.")
    numbers = (f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1))
    return [every for number in numbers for every in _expanded(f"{name[: found.start()]}{number}{name[found.end() :]}")]
