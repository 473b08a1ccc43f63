"""Where the truth is known: label maps and the objects in them, beside the images (as Plates writes them)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

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
    for _, record in table.records:
        scene_object = SceneObject(
            str(record["name"]), str(record["colour"]), int(record["index"]), bool(record["referred"])
        )
        objects[str(record["key"])].append(scene_object)
    filled = [replace(pair, objects=tuple(objects[pair.key])) if pair.key in objects else pair for pair in pairs]
    found = [_with_mask(root, pair) if pair.objects else pair for pair in filled]
    lost = [
        Finding("corrupt mask", pair.key, "no label map")
        for pair in found
        if pair.objects and pair.objects_mask is None
    ]
    return found, lost


def _with_mask(root: Path, pair: Pair) -> Pair:
    parts = PurePosixPath(pair.key).parts
    relative = PurePosixPath("masks", *parts[1:]).with_suffix(".png").as_posix()
    try:
        path = resolve(root, relative)
    except DataError:
        return pair
    return replace(pair, objects_mask=path) if path.is_file() else pair
