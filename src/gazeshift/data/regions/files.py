"""Regions in a table of their own: a row for each region, beside the pairs or elsewhere."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from gazeshift.data.cells import CellError, as_text
from gazeshift.data.findings import Finding, short
from gazeshift.data.locate import Finder, alike_form
from gazeshift.data.objects import image_name
from gazeshift.data.regions.cells import GEOMETRY, NAMES, as_regions, region_of
from gazeshift.data.regions.scene import Region, scene_objects
from gazeshift.data.table_files import REGION_TABLE, suffix_of
from gazeshift.data.tables import Table, load_table, shown_columns
from gazeshift.errors import DataError
from gazeshift.pairs import ImageSource, Pair

_IMAGE = ("image", "file_name", "filename", "img", "image_path", "path", "file", "key")


def with_region_file(root: Path, pairs: Sequence[Pair], file: str) -> tuple[list[Pair], list[Finding]]:
    """The pairs with the regions of a table: a row for each, with its image, its name and where it is (docs/data.md).

    Rows belong to the pairs of their image: by its path under the root, or by its file name if only one image has it. Pairs that have
    regions already keep those, and the new ones follow.

    Args:
        root: the data root, under which masks are searched, too.
        pairs: the pairs.
        file: the table: a path under the root, or any other.

    Raises:
        DataError: no such table, one that cannot be read, or that lacks a column.
    """
    path = root / file if (root / file).is_file() else Path(file).expanduser()
    table = load_table(path, path.name)
    image = _column(table, _IMAGE, "the image")
    _column(table, (*GEOMETRY, "regions", "x1", "xmin", "x"), "where the region is")
    findings = list(table.findings)
    regions = _by_image(root, table, image, findings)
    known = _known(regions, {image_name(root, pair) for pair in pairs})
    merged: dict[str, list[Region]] = defaultdict(list)
    for written, found in regions.items():
        if written in known:
            merged[known[written]] += found
        else:
            findings.append(Finding("stray region", written, f"{len(found)} in {path.name}"))
    return [_extended(pair, merged.get(image_name(root, pair), ())) for pair in pairs], findings


def region_file(root: Path) -> str | None:
    """The table of regions at the top of a data root, by its name; None if there is none."""
    return next((path.name for path in sorted(root.glob(f"{REGION_TABLE}.*")) if suffix_of(path)), None)


def _extended(pair: Pair, regions: Sequence[Region]) -> Pair:
    if not regions:
        return pair
    before = [Region(each.name, each.shapes, "", each.colour, each.referred) for each in pair.objects]
    return replace(pair, objects=scene_objects([*before, *regions], pair.label, pair.text))


def _known(regions: Mapping[str, Sequence[Region]], names: set[str]) -> dict[str, str]:
    """The image, by its path under the root, of each image that the table names, as far as there is exactly one."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_file[alike_form(PurePosixPath(name).name)].append(name)
    found = {}
    for written in regions:
        alike = by_file.get(alike_form(PurePosixPath(written).name), [])
        if written in names:
            found[written] = written
        elif len(alike) == 1 and len(PurePosixPath(written).parts) == 1:
            found[written] = alike[0]
    return found


def _by_image(root: Path, table: Table, image: str, findings: list[Finding]) -> dict[str, list[Region]]:
    """The regions of each image of the table; rows that cannot be read become findings."""
    find = partial(_find, Finder(root))
    regions: dict[str, list[Region]] = defaultdict(list)
    for line, record in table.records:
        try:
            regions[_image(record, image)] += _regions(record, find)
        except CellError as error:
            findings.append(Finding("corrupt mask", table.place(line), str(error)))
    return regions


def _image(record: Mapping[str, Any], column: str) -> str:
    written = (as_text(record.get(column)) or "").strip()
    if not written:
        raise CellError(f"column {column!r}: empty")
    return PurePosixPath(written).as_posix()


def _regions(record: Mapping[str, Any], find: Any) -> Sequence[Region]:
    if record.get("regions"):
        return as_regions(record["regions"], "regions", find)
    # What is "" or missing in one row may be filled in another.
    found = region_of({name: value for name, value in record.items() if value not in (None, "")}, find)
    if found is None:
        raise CellError(f"none of {', '.join(GEOMETRY)} says where the region is")
    if not found.name:
        raise CellError(f"a region without a name ({', '.join(NAMES)})")
    return (found,)


def _find(finder: Finder, path: str) -> ImageSource:
    written, _ = finder.plain(path)
    found = finder.find((written, f"masks/{written}"))
    if isinstance(found, Finding):
        raise CellError(f"the mask {short(path)}: {found.kind}")
    return found[1]


def _column(table: Table, names: Sequence[str], what: str) -> str:
    found = next((column for name in names for column in table.columns if column.lower() == name), None)
    if found is None:
        raise DataError(f"{table.name}: no column says {what}; call it {names[0]}. Columns: {shown_columns(table)}.")
    return found
