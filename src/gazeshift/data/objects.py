"""Ground truth, where it is known: label maps and their objects, stored with the images (as Plates writes them)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from gazeshift.data.cells import as_text
from gazeshift.data.decode import resolve
from gazeshift.data.findings import Finding
from gazeshift.data.tables import load_table
from gazeshift.errors import DataError
from gazeshift.pairs import Pair, SceneObject

TABLE = "objects.parquet"
_COLUMNS = {"key", "index", "name", "colour", "referred"}


def with_objects(root: Path, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Finding]]:
    """The pairs with ``objects`` from ``root/objects.parquet`` and ``objects_mask`` from ``root/masks``.

    The label map of ``images/<split>/<class>/<name>.png`` is ``masks/<split>/<class>/<name>.png``; its pixels are the
    objects' indices, 0 the background. Pairs come back unchanged where there is no table.

    Raises:
        DataError: the table lacks a column.
    """
    if not (root / TABLE).is_file():
        return list(pairs), []
    table = load_table(root / TABLE, TABLE)
    lacking = sorted(_COLUMNS - set(table.columns))
    if lacking:
        raise DataError(f"{TABLE}: no column {lacking[0]!r}. Columns: {', '.join(table.columns)}.")
    objects: dict[str, list[SceneObject]] = defaultdict(list)
    for row, record in table.records:
        objects[str(record["key"])].append(_object(row, record))
    found = [
        _with_mask(root, replace(pair, objects=tuple(objects[name])), name)
        if (name := _image_name(root, pair)) in objects
        else pair
        for pair in pairs
    ]
    lost = [
        Finding("corrupt mask", pair.key, "no label map")
        for pair in found
        if pair.objects and pair.objects_mask is None
    ]
    return found, lost


def _object(row: int | str, record: Mapping[str, Any]) -> SceneObject:
    try:
        name, colour, index = as_text(record["name"]), as_text(record["colour"]), as_text(record["index"])
        if name and colour is not None and index is not None:
            return SceneObject(name, colour, int(index), bool(record["referred"]))
    except ValueError:  # CellError is one
        pass
    raise DataError(f"{TABLE}: row {row}: an object needs a name, a colour and an index that is a whole number.")


def _image_name(root: Path, pair: Pair) -> str:
    """The image's path under the root, the same for all pairs of that image."""
    return pair.image.relative_to(root).as_posix() if isinstance(pair.image, Path) else pair.key


def _with_mask(root: Path, pair: Pair, name: str) -> Pair:
    parts = PurePosixPath(name).parts
    relative = PurePosixPath("masks", *parts[1:]).with_suffix(".png").as_posix()
    try:
        path = resolve(root, relative)
    except DataError:
        return pair
    return replace(pair, objects_mask=path) if path.is_file() else pair
