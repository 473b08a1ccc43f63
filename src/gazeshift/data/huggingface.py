"""Data sets of Hugging Face's ``datasets``: saved to a folder, or by their name on the hub; pictures stay in its memory-mapped files."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from gazeshift.data.addresses import Root, without_secrets
from gazeshift.data.columns import Columns
from gazeshift.data.references import bytes_in, unchanged, with_references
from gazeshift.data.rows import SPLIT_NAMES, Source
from gazeshift.data.shards import NoPaths
from gazeshift.data.table_rows import TableRows
from gazeshift.data.tables import Table, class_names
from gazeshift.errors import DataError, UsageError
from gazeshift.pairs import ImageReference

HUB = "hf://"
_MARKS = ("dataset_dict.json", "state.json")
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class DatasetCell(ImageReference):
    """A cell of a data set of Hugging Face's; the data set is opened once in each process.

    Attributes:
        dataset: a folder, or an address ``hf://NAME``.
        split: its split.
        row: number of the row.
        column: its column.
        name: see ``ImageReference``; likewise the next three.
    """

    dataset: Root = field(repr=False)
    split: str
    row: int
    column: str
    name: str
    digest: str | None
    state: str = ""
    block: str | None = None

    def read(self) -> bytes:  # noqa: D102
        rows = splits_of(self.dataset)[self.split]
        value = rows[self.row][self.column] if self.row < len(rows) else None
        return unchanged(bytes_in(value), self.digest, self.dataset)

    @property
    def identity(self) -> str:  # noqa: D102
        return self.digest or f"{self.dataset}:{self.split}:{self.row}"


def is_saved(root: Path) -> bool:
    """Whether a folder was written by ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk``."""
    return any((root / mark).is_file() for mark in _MARKS) and (
        (root / _MARKS[0]).is_file() or (root / "dataset_info.json").is_file()
    )


def read_dataset(root: Root, columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of a data set of Hugging Face's, each split read once; its classes keep their names and numbers.

    Args:
        root: a folder, or ``hf://NAME`` (``hf://NAME#CONFIGURATION``), which is downloaded unless it is in the hub's cache.
        columns: which column holds what.
        optional: which of ``text`` and ``label`` may be missing.

    Raises:
        DataError: no such data set, or the hub cannot be reached.
        UsageError: ``datasets`` is not installed.
    """
    splits = splits_of(root)
    named = len(splits) > 1 or any(name.lower() in SPLIT_NAMES for name in splits)
    loaded = [_table(root, name, rows) for name, rows in splits.items()]
    tables = TableRows(NoPaths(), columns, loaded, [])
    for table in loaded:
        own = table.name if named and table.name.lower() in SPLIT_NAMES else None
        tables.add(table, own, lambda path, label, split: (), optional)
    return tables.source()


@cache
def splits_of(root: Root) -> dict[str, Any]:
    """The splits of a data set, with the pictures undecoded; opened once, since its files are mapped, not read.

    Raises:
        DataError: no such data set, or the hub cannot be reached.
        UsageError: ``datasets`` is not installed.
    """
    try:
        import datasets  # noqa: PLC0415  an extra is imported in its adapter
    except ImportError as error:
        raise UsageError(
            f"{without_secrets(root)}: needs the package datasets: pip install 'gazeshift[datasets]'."
        ) from error
    datasets.disable_progress_bars()
    try:
        found = datasets.load_from_disk(str(root)) if isinstance(root, Path) else _from_hub(datasets, root)
    except Exception as error:  # the library raises what its storage, parsers and transport do
        raise DataError(f"{without_secrets(root)}: {_reason(error)}.") from error
    splits = found if isinstance(found, Mapping) else {str(found.split or "all"): found}
    undecoded = datasets.Image(decode=False)
    pictures = {
        split: [name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)]
        for split, rows in splits.items()
    }
    return {split: _cast(rows, pictures[split], undecoded) for split, rows in splits.items()}


def _cast(rows: Any, pictures: list[str], feature: Any) -> Any:
    for column in pictures:
        rows = rows.cast_column(column, feature)
    return rows


def _from_hub(datasets: Any, address: str) -> Any:
    name, _, configuration = address.removeprefix(HUB).removeprefix("datasets/").partition("#")
    return datasets.load_dataset(name, configuration or None)


def _table(root: Root, split: str, rows: Any) -> Table:
    features = json.loads(json.dumps(rows.features.to_dict()))
    records = tuple(enumerate(_records(root, split, rows), start=1))
    return Table(split, tuple(rows.column_names), records, class_names=dict(class_names(features)))


def _records(root: Root, split: str, rows: Any) -> Iterator[Mapping[str, Any]]:
    row = 0
    for batch in rows.with_format("arrow").iter(batch_size=_ROWS_AT_ONCE):
        for record in batch.to_pylist():
            yield with_references(record, partial(_cell, root, split, row))
            row += 1


def _cell(root: Root, split: str, row: int, column: str, name: str, digest: str) -> ImageReference:
    return DatasetCell(root, split, row, column, name, digest)


def _reason(error: Exception) -> str:
    said = without_secrets(" ".join(str(error).split())).rstrip(".")[:200]
    kind = type(error).__name__
    if "offline" in f"{kind} {said}".lower():
        return "is not in the hub's cache, and HF_HUB_OFFLINE forbids to download it; unset that, or name a folder"
    if isinstance(error, ConnectionError | TimeoutError):
        return f"the hub cannot be reached ({said or kind}); name a folder, or try again with a connection"
    if kind in {"DatasetNotFoundError", "FileNotFoundError", "RepositoryNotFoundError"}:
        return f"no such data set ({said or kind})"
    if "Config name is missing" in said:
        return "has several configurations; name one after a #, as in hf://NAME#CONFIGURATION"
    return f"cannot be opened ({said or kind})"
