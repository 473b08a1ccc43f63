"""Tables in memory: CSV, TSV, JSON and Parquet, read in one form, with the line of every record."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pyarrow
import pyarrow.parquet as pq

from gazeshift.data.addresses import Root, last_name
from gazeshift.data.findings import Finding, clipped
from gazeshift.data.references import ParquetCell, with_references
from gazeshift.data.remote import content, opened
from gazeshift.data.table_files import is_compressed, suffix_of
from gazeshift.errors import DataError
from gazeshift.json_types import Json
from gazeshift.pairs import ImageReference

_ROWS_AT_ONCE = 256
"""Rows of a Parquet file that are in memory at once with the pictures they hold."""
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its path under the data root.
        columns: the columns in the order of the file.
        records: line (of a text file), row number (Parquet, a JSON array) or name (of a sample in a tar shard), and the values by column;
            a picture whose bytes the file holds is a reference to them.
        findings: lines that could not be read.
        class_names: column -> class names by number, where the file stores them (Hugging Face's Parquet files do); the field ``en`` of
            the column ``text`` is called ``text.en``.
        notes: how it was read, if not in the usual way.
    """

    name: str
    columns: tuple[str, ...]
    records: tuple[tuple[int | str, Mapping[str, Any]], ...]
    findings: tuple[Finding, ...] = ()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def place(self, line: int | str) -> str:
        """Where a record is, for messages."""
        return f"{self.name}:{line}" if isinstance(line, int) else line

    def key(self, line: int | str, file: str) -> str:
        """The key of a record whose image is not given as a path; ``file`` is the image's name, if it has one."""
        if isinstance(line, str):
            return line
        return f"{self.name}/{line}/{file}" if file else f"{self.name}/{line}"


def load_table(place: Root, name: str) -> Table:
    """Read a table, compressed with gzip or not. Only the empty field counts as missing: ``NA`` and ``null`` are texts.

    Raises:
        DataError: not readable in the format of its suffix.
    """
    suffix = suffix_of(PurePosixPath(last_name(place)))
    try:
        if suffix == ".parquet":
            return _read_parquet(place, name)
        text = _read_text(place)
        return _read_csv(text, name, suffix) if suffix in {".csv", ".tsv"} else _read_json(text, name)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from error
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such file.") from error
    except (OSError, EOFError, zlib.error, ValueError, AttributeError, csv.Error, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split()).rstrip(".")[:200]
        raise DataError(f"{name}: cannot be read as a {suffix or '.json'} table ({reason}).") from error


def _read_text(place: Root) -> str:
    raw = content(place)
    raw = gzip.decompress(raw) if is_compressed(PurePosixPath(last_name(place))) else raw
    return raw.decode(json.detect_encoding(raw))  # spreadsheets save "Unicode text" as UTF-16


def _read_csv(text: str, name: str, suffix: str) -> Table:
    csv.field_size_limit(2**31 - 1)  # one field may hold a whole recipe page
    usual = "\t" if suffix == ".tsv" else ","
    skipped = 0
    if text[:4].lower() == "sep=":  # a line for spreadsheets
        first = _first_line(text)
        text, usual, skipped = text[len(first) :], first[4:].strip("\r\n")[:1] or usual, 1
    separator = _separator(text, usual)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns = _once(tuple(column.strip() for column in next(reader, [])))
    records: list[tuple[int, Mapping[str, Any]]] = []
    findings = []
    for line, fields in _fields(reader, skipped):
        if len(fields) == len(columns):
            records.append((line, dict(zip(columns, fields, strict=True))))
        else:
            place = f"{name}:{line}"
            findings.append(Finding("unreadable row", place, f"{len(fields)} fields, the header has {len(columns)}"))
    notes = () if separator == usual else (f"{name}: fields are separated by {_SEPARATORS[separator]}",)
    return Table(name, columns, tuple(records), tuple(findings), notes=notes)


def _separator(text: str, usual: str) -> str:
    """The separator: of the usual ones, the one that splits the header into the most fields; in a tie the suffix's own."""
    first = _first_line(text.lstrip("\r\n"))

    def fields(separator: str) -> int:
        return len(next(csv.reader([first], delimiter=separator), []))

    return max((usual, *(separator for separator in _SEPARATORS if separator != usual)), key=fields)


def _first_line(text: str) -> str:
    """The first line with its line ending, which is a lone carriage return on old systems."""
    return io.StringIO(text, newline="").readline()


def _once(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns, if no name occurs twice; columns without a name are never read.

    Raises:
        ValueError: a name occurs twice, so that the column is ambiguous.
    """
    twice = next((name for name, count in Counter(columns).items() if name and count > 1), None)
    if twice is not None:
        raise ValueError(f"several columns are called {clipped(twice)!r}; rename all but one")
    return columns


def _fields(reader: Any, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of every row that is not blank; an unclosed quote is an error that names its line."""
    line = reader.line_num
    try:
        for fields in reader:
            if fields:
                yield line + 1 + skipped, fields
            line = reader.line_num
    except csv.Error as error:
        raise ValueError(f"line {line + 1 + skipped}: {error}; is a quote open there?") from error


def _read_json(text: str, name: str) -> Table:
    """One JSON object per line, or one array of objects, or one object of equally long columns, as pandas writes by default."""
    try:
        whole = parsed_json(text)
    except ValueError:
        return _from_records(_json_lines(text), name, ())
    if isinstance(whole, list):
        return _from_records(enumerate(whole, start=1), name, (f"{name}: one array, read as a row an item",))
    if isinstance(whole, dict) and (columns := _json_columns(whole)):
        rows = enumerate((dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)), start=1)
        return _from_records(rows, name, (f"{name}: one object of columns, read as a row a place",))
    return _from_records([(1, whole)], name, ())


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    # Lines end only in \n: texts contain characters at which str.splitlines would also split.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, parsed_json(line)
            except (ValueError, RecursionError):
                yield number, None


@dataclass(frozen=True)
class Repeated:
    """An object in which a key occurs twice: the value is ambiguous, and Python silently takes the last."""

    key: str


def parsed_json(text: str) -> Any:
    """JSON, with ``Repeated`` in place of an object that has a key twice, itself or in a nested object."""

    def checked(pairs: list[tuple[str, Any]]) -> Any:
        counts = Counter(key for key, _ in pairs)
        twice = next((Repeated(key) for key, count in counts.items() if count > 1), None)
        return twice or next((value for _, value in pairs if isinstance(value, Repeated)), dict(pairs))

    return json.loads(text, object_pairs_hook=checked)


def _json_columns(whole: Json) -> dict[str, list[Any]]:
    """Values by column if an object holds columns of equal length, as lists or keyed by row number; else empty."""
    if whole and all(isinstance(column, dict) for column in whole.values()):
        keys = [list(column) for column in whole.values()]
        same = len(keys) > 1 and all(each == keys[0] for each in keys)
        return {name: list(column.values()) for name, column in whole.items()} if same else {}
    if len(whole) > 1 and all(isinstance(column, list) for column in whole.values()):
        lengths = {len(column) for column in whole.values()}
        return whole if len(lengths) == 1 else {}
    return {}


def _from_records(rows: Any, name: str, notes: tuple[str, ...]) -> Table:
    records, findings = [], []
    for number, record in rows:
        if isinstance(record, dict):
            records.append((number, record))
        else:
            twice = isinstance(record, Repeated)
            reason = f"the key {clipped(record.key)!r} occurs twice" if twice else "not a JSON object"
            findings.append(Finding("unreadable row", f"{name}:{number}", reason))
    if findings and not records:
        raise ValueError(f"none of its {len(findings):,} rows is readable; {findings[0].key}: {findings[0].detail}")
    columns = dict.fromkeys(key for _, record in records for key in record)
    return Table(name, tuple(columns), tuple(records), tuple(findings), notes=notes)


def _read_parquet(place: Root, name: str) -> Table:
    # ParquetFile, not read_table: folders called a=b would become columns.
    records: list[tuple[int | str, Mapping[str, Any]]] = []
    with opened(place) as opening, pq.ParquetFile(opening) as file:
        columns = tuple(file.schema_arrow.names)
        _once(columns)
        stored = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        for group in range(file.num_row_groups):
            block, row = f"{name}#{group}", 0
            for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group]):
                for record in batch.to_pylist():
                    refer = partial(_cell, place, group, row, block)
                    records.append((len(records) + 1, with_references(record, refer)))
                    row += 1
    features = stored.get("info", {}).get("features", {})
    return Table(name, columns, tuple(records), class_names=dict(class_names(features)))


def _cell(place: Root, group: int, row: int, block: str, column: str, name: str, digest: str) -> ImageReference:
    return ParquetCell(place, group, row, column, name, digest, block)


def class_names(features: Any, column: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names of every ``ClassLabel`` in Hugging Face's features, also inside lists and mappings, by its dotted column."""
    if isinstance(features, list):  # the short form of a list of one kind
        yield from class_names(features[0] if features else {}, column)
    elif isinstance(features, dict):
        if features.get("_type") == "ClassLabel":
            yield column, tuple(map(str, features.get("names") or ()))
        elif isinstance(features.get("_type"), str):
            yield from class_names(features.get("feature"), column)
        else:
            for name, inner in features.items():
                yield from class_names(inner, f"{column}.{name}" if column else name)


def shown_columns(table: Table) -> str:
    """The columns of a table for a message, shortened if there are many or they are long."""
    names = [clipped(column, 40) for column in table.columns[:20]]
    more = f" and {len(table.columns) - 20} more" if len(table.columns) > 20 else ""
    return ", ".join(names) + more if names else "none"
