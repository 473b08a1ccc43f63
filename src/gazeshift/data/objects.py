"""Objects stored with the images, in label maps as Plates writes them or as exact rectangles as mosaics have them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from gazeshift.data.cells import as_text
from gazeshift.data.decode import resolve
from gazeshift.data.findings import Finding
from gazeshift.data.regions.shapes import Box, LabelledPixels
from gazeshift.data.tables import load_table
from gazeshift.errors import DataError
from gazeshift.pairs import Pair, SceneObject

TABLE = "objects.parquet"
_COLUMNS = {"key", "index", "name", "colour", "referred"}
_EDGES = ("left", "top", "right", "bottom")


def with_objects(root: Path, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Finding]]:
    """The pairs with ``objects`` from ``root/objects.parquet``, which lie where its edges or the label maps under ``root/masks`` say.

    Columns ``left``, ``top``, ``right`` and ``bottom`` are the edges of rectangles in pixels. Without them, the label map of
    ``images/<split>/<class>/<name>.png`` is ``masks/<split>/<class>/<name>.png``; its pixels are the objects' indices, 0 the background.
    Pairs come back unchanged where there is no table.

    Raises:
        DataError: the table lacks a column, or says where something is in a way that cannot be.
    """
    if not (root / TABLE).is_file():
        return list(pairs), []
    table = load_table(root / TABLE, TABLE)
    lacking = sorted(_COLUMNS - set(table.columns))
    if lacking:
        raise DataError(f"{TABLE}: no column {lacking[0]!r}. Columns: {', '.join(table.columns)}.")
    placed = set(_EDGES) <= set(table.columns)
    objects: dict[str, list[SceneObject]] = defaultdict(list)
    for row, record in table.records:
        each = _object(row, record)
        objects[str(record["key"])].append(replace(each, shapes=(_rectangle(row, record),)) if placed else each)
    found, lost = list[Pair](), list[Finding]()
    for pair in pairs:
        name = image_name(root, pair)
        if name not in objects:
            found.append(pair)
            continue
        if placed:
            found.append(replace(pair, objects=tuple(objects[name])))
            continue
        labels = _label_map(root, name)
        lost += [] if labels else [Finding("corrupt mask", pair.key, "no label map")]
        found.append(replace(pair, objects=tuple(_placed(each, labels) for each in objects[name])))
    return found, lost


def _object(row: int | str, record: Mapping[str, Any]) -> SceneObject:
    try:
        name, colour, index = as_text(record["name"]), as_text(record["colour"]), as_text(record["index"])
        if name and colour is not None and index is not None:
            return SceneObject(name, colour, int(index), bool(record["referred"]))
    except ValueError:  # CellError is one
        pass
    raise DataError(f"{TABLE}: row {row}: an object needs a name, a colour and an index that is a whole number.")


def _rectangle(row: int | str, record: Mapping[str, Any]) -> Box:
    """An exact rectangle, not a box round something thinner."""
    try:
        left, top, right, bottom = (float(record[edge]) for edge in _EDGES)
    except (TypeError, ValueError):
        left = right = top = bottom = float("nan")
    if not (left < right and top < bottom):
        raise DataError(
            f"{TABLE}: row {row}: {', '.join(_EDGES)} must be numbers in pixels, left < right and top < bottom."
        )
    return Box(left, top, right, bottom, boxed=False)


def image_name(root: Path, pair: Pair) -> str:
    """The image's path under the root, the same for all pairs of that image."""
    return pair.image.relative_to(root).as_posix() if isinstance(pair.image, Path) else pair.key


def _label_map(root: Path, name: str) -> Path | None:
    parts = PurePosixPath(name).parts
    relative = PurePosixPath("masks", *parts[1:]).with_suffix(".png").as_posix()
    try:
        path = resolve(root, relative)
    except DataError:
        return None
    return path if path.is_file() else None


def _placed(each: SceneObject, labels: Path | None) -> SceneObject:
    return each if labels is None else replace(each, shapes=(LabelledPixels(labels, each.index),))
