"""Class names: numbers written in different ways, numbers that mean no class, and names that look alike."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from gazeshift.data.cells import CellError, as_name, field
from gazeshift.data.findings import Finding, clipped, short
from gazeshift.data.rows import SPLIT_NAMES, Row
from gazeshift.data.tables import Table

_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
_NONE = {"none", "na", "n/a", "#n/a", "?", "-", "unlabelled", "unlabeled", "undefined"}


def class_numbers(tables: Sequence[Table], labels: Sequence[str | None]) -> dict[str, int] | None:
    """Class name -> number, from the class names that the label's column stores, or from a separate number column ``label``.

    Args:
        tables: the tables of one data set.
        labels: the class column of each.
    """
    numbers: dict[str, int] = {}
    for table, column in zip(tables, labels, strict=True):
        if names := table.class_names.get(column or ""):
            return {name: index for index, name in enumerate(names)}
        if column in {None, "label"} or "label" not in table.columns:
            return None
        for _, record in table.records:
            try:
                name, number = as_name(field(record, str(column))), as_name(record.get("label"))
            except CellError:
                return None
            if not number or not re.fullmatch(r"\d+(\.0*)?", number):
                return None
            if name and numbers.setdefault(name, _integer(number)) != _integer(number):
                return None
    return numbers if len(set(numbers.values())) == len(numbers) else None


def plain_numbers(rows: Iterable[Row | Finding]) -> list[Row | Finding]:
    """The rows, with whole-number classes written without decimals (``3.0`` is ``3``), and -1 as no class where no training row has it.

    If some labels are not whole numbers, all stay as written.

    Example:
        >>> rows = [Row("a:1", (), None, "0.0", "train"), Row("a:2", (), None, "-1.0", "test")]
        >>> [row.label for row in plain_numbers(rows)]
        ['0', None]
    """
    every = list(rows)
    labels = {row.label for row in every if isinstance(row, Row) and row.label is not None}
    if not labels or not all(_WHOLE.fullmatch(label) for label in labels):
        return every
    trained = {row.label for row in every if isinstance(row, Row) and _split(row) == "train"}
    gone = {label for label in labels - trained if float(label) == -1}

    def plain(label: str | None) -> str | None:
        return None if label is None or label in gone else label.partition(".")[0]

    return [replace(row, label=plain(row.label)) if isinstance(row, Row) else row for row in every]


def doubtful_classes(counts: Mapping[str, int]) -> list[Finding]:
    """Findings about names that look alike, and names that often mean a missing class.

    Args:
        counts: class name -> number of pairs.

    Example:
        >>> [finding.detail for finding in doubtful_classes({"apple pie": 9, "Apple_Pie": 1})]
        ["'Apple_Pie' (1 pair) looks like 'apple pie' (9 pairs)"]
    """
    alike: dict[str | Decimal, list[str]] = defaultdict(list)
    for label in counts:
        alike[_form(label)].append(label)
    found = []
    for names in alike.values():
        usual, *rare = sorted(names, key=lambda name: (-counts[name], name))
        for name in rare:
            write = _code_points if _same(name, usual) else short
            detail = f"{_counted(name, counts, write)} looks like {_counted(usual, counts, write)}"
            found.append(Finding("similar classes", clipped(name), detail))
    odd = [label for label in counts if label.strip().lower() in _NONE or (label == "-1" and _from_zero(counts))]
    way_out = "if it means 'no class', leave the cell empty"
    return found + [Finding("odd class", clipped(label), f"{_counted(label, counts)}; {way_out}") for label in odd]


def _integer(number: str) -> int:
    return int(number.partition(".")[0])


def _split(row: Row) -> str | None:
    return SPLIT_NAMES.get((row.split or "train").strip().lower())


def _same(name: str, other: str) -> bool:
    """Whether two names look the same when drawn: composed and decomposed letters."""
    return unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)


def _code_points(name: str) -> str:
    """A name by its code points, for names that differ in nothing else."""
    return clipped(ascii(name))


def _counted(label: str, counts: Mapping[str, int], write: Callable[[str], str] = short) -> str:
    return f"{write(label)} ({counts[label]:,} pair{'s' if counts[label] != 1 else ''})"


def _from_zero(counts: Mapping[str, int]) -> bool:
    """Whether the classes other than -1 are the numbers 0, 1, 2, ...; then -1 probably means none (and is not a class, as in -1, 0, 1)."""
    others = Counter(label for label in counts if label != "-1")
    return {"0", "1", "2"} <= set(others) and all(label.isdigit() for label in others)


def _form(label: str) -> str | Decimal:
    """A key that names which look alike share: for numbers their value, so that 1 and 01 look alike and 1 and -1 do not."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", label) if unicodedata.category(c) != "Cf")
    try:
        if not (number := Decimal(seen)).is_nan():
            return number
    except InvalidOperation:
        pass
    return " ".join(re.sub(r"[-_\s]+", " ", seen).casefold().split()) or label
