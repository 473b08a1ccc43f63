"""Tables in memory: CSV, TSV, JSON Lines and Parquet, read alike, with the line of every record."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as pq

from gazeshift.data.findings import Finding
from gazeshift.data.rows import SPLIT_NAMES
from gazeshift.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its path under the data root.
        columns: in the order of the file.
        records: line (of a text file) or row number (Parquet), and the values by column.
        findings: lines that could not be read.
        label_names: class names by number, where the file stores them (Hugging Face's Parquet files do).
    """

    name: str
    columns: tuple[str, ...]
    records: tuple[tuple[int, Mapping[str, Any]], ...]
    findings: tuple[Finding, ...] = ()
    label_names: tuple[str, ...] = ()


def load_table(path: Path, name: str) -> Table:
    """Read a table. Nothing in it is taken for missing but the empty field: ``NA`` and ``null`` are texts.

    Raises:
        DataError: not readable as what its suffix says.
    """
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet}
    try:
        return readers.get(path.suffix.lower(), _read_json_lines)(path, name)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from error
    except (OSError, ValueError, AttributeError, csv.Error, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"{name}: cannot be read as a {path.suffix} table ({reason}).") from error


def find_tables(root: Path) -> list[tuple[Path, str | None]]:
    """The tables at the top of ``root`` (or in ``root/data``) and the split that each one's name tells.

    Tables called after splits (``train.csv``, ``dev.jsonl``, ``test-00000-of-00001.parquet``) count together. Failing
    those, a table called ``data``, ``dataset`` or ``pairs``, or the only one there is.
    """
    for folder in (root, root / "data"):
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        tables = [path for path in files if path.suffix.lower() in SUFFIXES and path.is_file()]
        named = [(path, split) for path in tables if (split := _split_of(path)) is not None]
        if named:  # the same splits in two kinds of file are the same data
            return [(path, split) for path, split in named if path.suffix == named[0][0].suffix]
        called = [path for path in tables if path.stem.lower() in {"data", "dataset", "pairs"}]
        if called or len(tables) == 1:
            return [((called or tables)[0], None)]
    return []


def _read_csv(path: Path, name: str) -> Table:
    csv.field_size_limit(2**31 - 1)  # whole recipe pages stand in one field
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        columns = tuple(column.strip() for column in next(reader, []))
        records: list[tuple[int, Mapping[str, Any]]] = []
        findings = []
        for line, fields in _fields(reader):
            if len(fields) == len(columns):
                records.append((line, dict(zip(columns, fields, strict=True))))
            else:
                place = f"{name}:{line}"
                findings.append(
                    Finding("unreadable row", place, f"{len(fields)} fields, the header has {len(columns)}")
                )
    return Table(name, columns, tuple(records), tuple(findings))


def _fields(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of every row that is not blank; an unclosed quote is an error that names its line."""
    line = reader.line_num
    try:
        for fields in reader:
            if fields:
                yield line + 1, fields
            line = reader.line_num
    except csv.Error as error:
        raise ValueError(f"line {line + 1}: {error}; is a quote open there?") from error


def _read_json_lines(path: Path, name: str) -> Table:
    records, findings = [], []
    for number, line in enumerate(path.read_bytes().decode("utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            records.append((number, record))
        else:
            findings.append(Finding("unreadable row", f"{name}:{number}", "not a JSON object"))
    columns = dict.fromkeys(key for _, record in records for key in record)
    return Table(name, tuple(columns), tuple(records), tuple(findings))


def _read_parquet(path: Path, name: str) -> Table:
    # ParquetFile, not read_table: folders called a=b would become columns.
    with pq.ParquetFile(path) as file:
        table = file.read()
    stored = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    features = stored.get("info", {}).get("features", {})
    names = [feature["names"] for feature in features.values() if isinstance(feature, dict) and feature.get("names")]
    records = tuple(enumerate(table.to_pylist(), start=1))
    return Table(name, tuple(table.column_names), records, label_names=tuple(names[0]) if names else ())


def _split_of(path: Path) -> str | None:
    """``train`` for ``train.csv``, ``train-00000-of-00002.parquet`` and ``food_train.csv``; None if no split."""
    words = path.name.lower().split(".")[0].replace("-", "_").split("_")
    return next((word for word in words if word in SPLIT_NAMES), None)
