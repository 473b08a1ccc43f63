"""One cell of a table as regions: paths of masks, polygons, COCO's run lengths, boxes, and lists of named regions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from gazeshift.data.cells import CellError, as_picture, as_text, described
from gazeshift.data.findings import short
from gazeshift.data.locate import IMAGE_SUFFIXES
from gazeshift.data.regions.scene import Region
from gazeshift.data.regions.shapes import Box, MaskImage, Polygons, RunLengths, decode_runs
from gazeshift.data.tables import Repeated, parsed_json
from gazeshift.pairs import ImageSource, Shape

FindMask = Callable[[str], ImageSource]
"""Finds the picture of a mask that a table names by a path; raises ``CellError`` if there is none."""

GEOMETRY = ("mask", "polygons", "polygon", "segmentation", "rle", "box", "bbox")
"""The fields of a mapping that say where a region is; of several that are filled the first counts: outlines before boxes."""
NAMES = ("name", "category", "phrase", "label", "class")
"""The fields that say what a region is, likewise."""
_SIZED = {"bbox", "bounding_box"}
"""Names of columns whose boxes are left, top, width, height, as in COCO; all others hold left, top, right, bottom."""
_CORNERS = (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom"))
_SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))


def as_shapes(value: Any, column: str, find: FindMask) -> tuple[Shape, ...]:
    """Where a region is, from a cell; empty for an empty cell.

    A text is the path of a mask, or JSON. A mapping has ``counts`` and ``size`` (COCO's run lengths) or a field of ``GEOMETRY``. Four
    numbers are a box: its corners, or in a column called ``bbox`` left, top, width and height as in COCO. Other lists are polygons.

    Args:
        value: the cell.
        column: its column.
        find: finds masks by path.

    Raises:
        CellError: anything else; the message says in a few words what is wrong.

    Example:
        >>> as_shapes([10, 20, 5, 5], "bbox", find=None) == (Box(10, 20, 15, 25),)
        True
    """
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        value = _json(value)
    if isinstance(value, Mapping) and not {"bytes", "path"} & value.keys():
        return _from_mapping(value, find)
    if isinstance(value, list | tuple):
        return _from_list(list(value), column, find)
    found, _ = as_picture(value)
    if found is None:
        return ()
    if not isinstance(found, str):
        return (MaskImage(found),)
    if PurePosixPath(found).suffix.lower() not in IMAGE_SUFFIXES:
        raise CellError(f"{short(found, 30)} instead of the path of a mask, polygons, run lengths or a box")
    return (MaskImage(find(found)),)


def as_regions(value: Any, column: str, find: FindMask) -> tuple[Region, ...]:
    """All regions of a cell.

    Named ones from a list of mappings (``NAMES``, ``GEOMETRY``, ``colour``, ``referred``), from a mapping of names to regions, or from
    Hugging Face's mapping of equally long lists; otherwise one without a name (``as_shapes``).

    Raises:
        CellError: as ``as_shapes``.

    Example:
        >>> dog, = as_regions([{"phrase": "a dog", "box": [0, 0, 5, 5]}], "regions", find=None)
        >>> dog.name, dog.phrase
        ('a dog', 'a dog')
        >>> as_regions({"dog": [0, 0, 5, 5]}, "regions", find=None)[0].name
        'dog'
    """
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        value = _json(value)
    if isinstance(value, Mapping) and (listed := _transposed(value)):
        value = listed
    if isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        return tuple(region for item in value for region in _region(item, find))
    if isinstance(value, Mapping) and not value.keys() & {*GEOMETRY, "counts", "bytes", "path"} and not _box(value):
        return tuple(
            Region(str(name), shapes, str(name))
            for name, item in value.items()
            if (shapes := as_shapes(item, column, find))
        )
    shapes = as_shapes(value, column, find)
    return (Region("", shapes),) if shapes else ()


def region_of(record: Mapping[str, Any], find: FindMask) -> Region | None:
    """The region that a mapping describes; None if it does not say where it is."""
    return next(_region(record, find), None)


def boxed(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    """The shapes, with masks marked as holding filled boxes."""
    return tuple(replace(shape, boxed=True) if isinstance(shape, MaskImage) else shape for shape in shapes)


def _region(record: Mapping[str, Any], find: FindMask) -> Iterator[Region]:
    shapes = _from_mapping(record, find)
    if not shapes:
        return
    named = (as_text(record.get(field)) for field in NAMES)
    name = next((text.strip() for text in named if text and text.strip()), "")
    said, colour = (as_text(record.get(field)) or "" for field in ("phrase", "colour"))
    referred = record.get("referred")
    yield Region(name, shapes, said.strip(), colour.strip(), None if referred in (None, "") else _truth(referred))


def _truth(value: Any) -> bool:
    text = (as_text(value) or "").strip().casefold()
    if text not in {"true", "false", "1", "0", "yes", "no"}:
        raise CellError(f"referred: {text[:20]!r} instead of true or false")
    return text in {"true", "1", "yes"}


def _from_mapping(value: Mapping[str, Any], find: FindMask) -> tuple[Shape, ...]:
    if "counts" in value:
        return (_runs(value),)
    if box := _box(value):
        return box
    for field in GEOMETRY:
        if value.get(field) not in (None, "", [], ()):
            shapes = as_shapes(value[field], field, find)
            return boxed(shapes) if value.get(f"{field}_kind") == "box" else shapes
    if not value.keys() & set(GEOMETRY):
        raise CellError(f"{described(value)}, and none says where the region is ({', '.join(GEOMETRY)})")
    return ()


def _box(value: Mapping[str, Any]) -> tuple[Shape, ...]:
    for names in _CORNERS:
        if set(names) <= value.keys():
            return (_rectangle([value[name] for name in names], sized=False),)
    for names in _SIZES:
        if set(names) <= value.keys():
            return (_rectangle([value[name] for name in names], sized=True),)
    return ()


def _from_list(value: list[Any], column: str, find: FindMask) -> tuple[Shape, ...]:
    numbers = [_is_number(item) for item in value]
    if all(numbers) and value:
        if len(value) == 4:
            return (_rectangle(value, sized=column.lower() in _SIZED),)
        return (Polygons((_ring(value),)),)
    if any(numbers):
        raise CellError(f"a list of {len(value)} values, some of them numbers")
    if len(value) > 2 and all(isinstance(item, list | tuple) and len(item) == 2 for item in value):
        return (Polygons((_ring([each for item in value for each in item]),)),)
    return tuple(shape for item in value for shape in as_shapes(item, column, find))


def _ring(flat: Sequence[Any]) -> tuple[tuple[float, float], ...]:
    if len(flat) < 6 or len(flat) % 2 or not all(_is_number(item) for item in flat):
        raise CellError(f"a polygon of {len(flat)} numbers: it needs x and y of at least three corners")
    _refuse_shares(flat, "a polygon")
    return tuple((float(x), float(y)) for x, y in zip(flat[::2], flat[1::2], strict=True))


def _rectangle(numbers: Sequence[Any], *, sized: bool) -> Box:
    if not all(_is_number(number) for number in numbers):
        raise CellError("a box whose corners are not numbers")
    _refuse_shares(numbers, "a box")
    left, top, right, bottom = map(float, numbers)
    if sized:
        right, bottom = left + right, top + bottom
    if right < left or bottom < top:
        order = "left, top, width, height" if sized else "left, top, right, bottom"
        raise CellError(f"a box that ends before it begins; its numbers are read as {order}")
    return Box(left, top, right, bottom)


def _refuse_shares(numbers: Sequence[Any], what: str) -> None:
    """Numbers from 0 to 1 are shares of the picture, as YOLO and others write them: in pixels they would all be the corner's."""
    if all(0 <= number <= 1 for number in numbers) and not all(float(number).is_integer() for number in numbers):
        raise CellError(f"{what} of numbers from 0 to 1, which are shares of the picture; give pixels")


def _runs(value: Mapping[str, Any]) -> RunLengths:
    try:
        counts, (height, width) = value["counts"], value["size"]
        runs = decode_runs(_ascii(counts)) if isinstance(counts, str | bytes) else tuple(map(int, counts))
        return RunLengths(runs, int(height), int(width))
    except (KeyError, TypeError, ValueError) as error:
        raise CellError(f"run lengths that cannot be read ({str(error)[:80]})") from error


def _ascii(counts: str | bytes) -> str:
    return counts.decode("ascii") if isinstance(counts, bytes) else counts


def _transposed(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Records of a mapping of equally long lists, one of which holds boxes or masks; empty for anything else."""
    places = [field for field in GEOMETRY if field in value]
    lists = {name: column for name, column in value.items() if isinstance(column, list | tuple)}
    if not places or len({len(column) for column in lists.values()}) != 1 or not lists.keys() & {*NAMES}:
        return []
    count = len(next(iter(lists.values())))
    return [{name: column[row] for name, column in lists.items()} for row in range(count)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _json(text: str) -> Any:
    try:
        found = parsed_json(text)
    except (ValueError, RecursionError) as error:
        raise CellError("text that begins like JSON and is not") from error
    if isinstance(found, Repeated):
        raise CellError(f"a mapping with the key {found.key[:30]!r} twice")
    return found
