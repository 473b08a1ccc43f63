"""Which column of a table holds what: by the given names, else by the usual names and the columns' contents."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from gazeshift.data.cells import CellError, as_name, as_texts, described, field
from gazeshift.data.findings import short
from gazeshift.data.locate import IMAGE_SUFFIXES
from gazeshift.data.regions.cells import as_regions
from gazeshift.data.tables import Table, shown_columns
from gazeshift.errors import DataError

_LOOKED_AT = 50
"""How many cells of a column are inspected to find out what it holds."""


@dataclass(frozen=True)
class Columns:
    """Which column holds what. None: found by its usual names (``USUAL``); ``text.en`` is a field of the mappings in ``text``.

    Attributes:
        image: path relative to the data root (where the root is a table: to its folder), or, in Parquet, bytes or
            Hugging Face's ``{bytes, path}``.
        text: the text.
        label: class name or number.
        split: ``train``, ``validation``, ``test`` or what other sources call them.
        region: where what the class names is: a mask, polygons, run lengths or a box; or a list of named regions.
        regions: further regions: their name, and the column of each.
        further: columns of other texts of the pair, such as a counterfactual one.
    """

    image: str | None = None
    text: str | None = None
    label: str | None = None
    split: str | None = None
    region: str | None = None
    regions: tuple[tuple[str, str], ...] = ()
    further: tuple[str, ...] = ()


USUAL = {
    "image": ("image", "file_name", "filename", "img", "image_path", "img_path", "path", "file", "filepath", "photo", "picture", "id"),
    "text": ("text", "title", "caption", "sentence", "description", "captions", "sentences", "texts"),
    "label": ("class", "class_name", "annotation", "category", "label", "target"),  # names before numbers
    "split": ("split", "subset", "partition"),
    "region": ("regions", "mask", "mask_path", "segmentation", "polygons", "rle", "box", "bbox", "bounding_box", "objects"),
}  # fmt: skip
"""Column names tried, in this order, in any case."""


@dataclass(frozen=True)
class Chosen:
    """The columns of one table, and how they were chosen.

    Attributes:
        image: column of the images.
        text: column of the texts; None if there is none and none is needed. Likewise the next two.
        label: column of the classes.
        split: column of the splits.
        regions: columns of regions, each with the name of its region; empty: what the class names, or what the cell says.
        note: the choice in one line.
    """

    image: str
    text: str | None
    label: str | None
    split: str | None
    regions: tuple[tuple[str, str], ...]
    note: str


Leads = Callable[[Any, str | None, str | None], bool]
"""Whether an image cell holds a picture or a path to one, given the class and the split of its row."""
_Test = Callable[[Mapping[str, Any], str], bool]
"""Whether a column of a record holds the kind of value needed."""


def choose(
    table: Table, columns: Columns, leads: Leads, optional: Collection[str] = (), split: str | None = None
) -> Chosen:
    """Find the columns of a table.

    Of several columns with usual names, the first with fitting contents is used: existing images, texts, classes. If no usual name
    leads to an image, any column that does is used. The choice is noted.

    Args:
        table: the table.
        columns: the columns named by the user.
        leads: whether an image cell leads to a picture.
        optional: which of ``text`` and ``label`` the table may lack.
        split: split of the whole table, if its name tells.

    Raises:
        DataError: a named column is missing, no column is found, or it holds nothing usable; names the columns.
    """
    found: dict[str, str | None] = {}
    lacking: list[str] = []
    problems: list[str] = []

    def leads_somewhere(record: Mapping[str, Any], column: str) -> bool:
        return leads(field(record, column), _name(record, found["label"]), _name(record, found["split"]) or split)

    tests: dict[str, _Test] = {
        "label": lambda record, column: as_name(field(record, column)) is not None,
        "split": lambda record, column: as_name(field(record, column)) is not None,
        "text": lambda record, column: bool(as_texts(field(record, column))),
        "image": leads_somewhere,
        "region": _is_region,
    }
    for role, test in tests.items():
        found[role] = _column(table, getattr(columns, role), role, test, found.values())
        if found[role] is not None:
            problems += _unusable(table, str(found[role]), role)
        elif role not in optional and (role not in {"split", "region"} or getattr(columns, role)):
            lacking.append(role)
    problems += [
        f"no column {short(column)} for {what}. Columns: {shown_columns(table)}."
        for what, column in _asked(columns)
        if column not in table.columns
    ]
    if lacking or problems:
        raise DataError(f"{table.name}: {' '.join([*_lacking(table, columns, lacking), *problems])}")
    regions = (*((("", found["region"]),) if found["region"] else ()), *columns.regions)
    return Chosen(str(found["image"]), found["text"], found["label"], found["split"], regions, _note(table, found))


def _is_region(record: Mapping[str, Any], column: str) -> bool:
    """Whether a cell says where something is; whether a mask's file is there is seen later."""
    return bool(as_regions(field(record, column), column, Path))


def _asked(columns: Columns) -> Iterator[tuple[str, str]]:
    """Columns that have no usual name, with what they are for."""
    yield from ((f"the region {short(name)}", column) for name, column in columns.regions)
    yield from (("the changed texts", column) for column in columns.further)


def has_column(table: Table, columns: Columns, role: str) -> bool:
    """Whether a table has the column named for a role, or one of the role's usual names."""
    wanted = getattr(columns, role)
    return wanted in table.columns if wanted else bool(_usual(table, role))


def _note(table: Table, found: Mapping[str, str | None]) -> str:
    roles = ", ".join(f"{role} {found[role]!r}" for role in USUAL if found[role])
    others = [name for role in ("image", "text", "label") for name in _usual(table, role) if name not in found.values()]
    return f"{table.name}: columns {roles}" + (f"; other columns {', '.join(map(repr, others))}" if others else "")


def _usual(table: Table, role: str) -> list[str]:
    return [column for name in USUAL[role] for column in table.columns if column.lower() == name]


def _column(table: Table, wanted: str | None, role: str, test: _Test, taken: Collection[str | None]) -> str | None:
    """The column for a role: the named one, else the first with a usual name and fitting contents, else the first with a usual name.

    Regions are there only if they fit: ``objects`` or ``box`` may well mean other things.
    """
    if wanted:
        nested = "." in wanted and next(_records(table, wanted), None) is not None
        return wanted if nested or wanted in table.columns else None
    usual = _usual(table, role)
    others = [column for column in table.columns if column not in {*usual, *taken}] if role == "image" else []
    unfit = usual[0] if usual and role != "region" else None
    return next((column for column in (*usual, *others) if _any(table, column, test)), unfit)


def _lacking(table: Table, columns: Columns, roles: Collection[str]) -> Iterator[str]:
    """The message about missing columns."""
    if not roles:
        return
    if not table.columns:
        yield "the table is empty: it has no columns and no rows"
        return
    ordered = [role for role in USUAL if role in roles]
    missing = [short(named) if (named := getattr(columns, role)) else f"that looks like the {role}" for role in ordered]
    options = ", ".join(f"{role}_column (--{role}-column)" for role in ordered)
    headless = any(PurePosixPath(column).suffix.lower() in IMAGE_SUFFIXES for column in table.columns)
    header = " The first line must name the columns, but looks like data." if headless else ""
    yield f"no column {' and none '.join(missing)}. Columns: {shown_columns(table)}. Name it with {options}.{header}"


def _any(table: Table, column: str, test: _Test) -> bool:
    for record in islice(_records(table, column), _LOOKED_AT):
        try:
            if test(record, column):
                return True
        except CellError:
            pass
    return False


def _records(table: Table, column: str) -> Iterator[Mapping[str, Any]]:
    """Records, spread over the table, whose cell in a column is not missing."""
    step = max(1, len(table.records) // _LOOKED_AT)
    spread = chain(table.records[::step], table.records)
    return (record for _, record in spread if field(record, column) not in (None, "", [], ()))


def _name(record: Mapping[str, Any], column: str | None) -> str | None:
    try:
        return as_name(field(record, column)) if column else None
    except CellError:
        return None


def _unusable(table: Table, column: str, role: str) -> Iterator[str]:
    """One message about a column of mappings or similar, instead of one for each of its rows."""
    readers: dict[str, Callable[[Any], object]] = {"text": as_texts, "label": as_name, "split": as_name}
    problem, inner = "", ""
    for record in islice(_records(table, column), _LOOKED_AT) if role in readers else ():
        value = field(record, column)
        try:
            readers[role](value)
        except CellError as error:
            first = value[0] if isinstance(value, list) else value
            inner = f"{column}.{next(iter(first), '')}" if isinstance(first, Mapping) else ""
            problem = described(first) if inner else str(error)
        else:
            return
    if problem:
        way_out = f"name one of the fields (--{role}-column {inner})" if inner else f"name another (--{role}-column)"
        yield f"The column {column!r} of the {role} holds {problem}; {way_out}."
