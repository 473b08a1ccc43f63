"""What stored maps hold, from their text columns alone: images, texts, classes. Read before any map, so that errors come early."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from gazeshift.errors import DataError
from gazeshift.mapstore.query import Database, rows, run
from gazeshift.mapstore.source import Source

OWN = "own"
"""The name of the first text where every image has a different one."""

_FULL = {
    "key": "key",
    "text": "name",
    "class": "class",
    "label": "label",
}  # columns without empty cells, as rows.sql calls them

_TEXTS = 10_000  # more texts than any deliberately written set; fewer than the titles of a data set


@dataclass(frozen=True, eq=False)
class Survey:
    """What a file or folder of maps holds.

    Attributes:
        source: where the maps are.
        target: the target whose maps are measured; None: all.
        texts: names of the texts, the first being the one that each image's other maps are compared with (``OWN`` if it is the own).
        labels: classes of the images, in alphabetical order; none if they have no labels.
        images: number of images.
        maps: number of maps to measure.
        pairs: number of maps besides the first of each image.
        height: height of the maps.
        width: width of the maps.
        left_out: number of rows without a map, by status.
        drawn: places of the maps whose Wasserstein distance from the first is measured, ascending.
    """

    source: Source
    target: str | None
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    images: int
    maps: int
    pairs: int
    height: int
    width: int
    left_out: dict[str, int]
    drawn: Int[np.ndarray, " drawn"]


def survey(db: Database, source: Source, wasserstein: int, seed: int) -> Survey:
    """Read the text columns of a file or folder of maps.

    Args:
        db: a database.
        source: where the maps are.
        wasserstein: number of pairs to draw for the Wasserstein distance.
        seed: random seed of that draw.

    Raises:
        DataError: no maps, several grids, empty cells, maps of one image that do not follow each other, images that begin with different
            edits, or texts that no two images share.
    """
    _open(db, source)
    maps, height, width = _check_rows(db, source)
    first = _first_text(db, source)
    names = _others(db, source)
    [(images, pairs)] = rows(
        db, "SELECT count(*), sum(CASE WHEN head IS NULL THEN 0 ELSE maps - 1 END)::BIGINT FROM images"
    )
    [(several,)] = rows(db, "SELECT bool_or(target = 'predicted') FROM used")
    labels = rows(db, "SELECT DISTINCT label FROM used WHERE label IS NOT NULL ORDER BY label")
    return Survey(
        source=source,
        target="predicted" if several else None,
        texts=(first, *(name for name in names if name != first)),
        labels=tuple(label for (label,) in labels),
        images=images,
        maps=maps,
        pairs=pairs,
        height=height,
        width=width,
        left_out=dict(
            rows(db, "SELECT status, count(*) FROM every WHERE status <> 'ok' GROUP BY status ORDER BY status")
        ),
        drawn=run(db, "drawn.sql", seed=seed, count=wasserstein)["place"].to_numpy(),
    )


def _open(db: Database, source: Source) -> None:
    run(db, "SET VARIABLE files = $files", files=[str(path) for path in source.files])
    run(db, "SET VARIABLE texts = $texts", texts=[str(path) for path in source.texts])
    texts = "SELECT DISTINCT text_id, text FROM read_parquet(getvariable('texts'))"
    nothing = "SELECT NULL::BIGINT AS text_id, NULL::VARCHAR AS text WHERE false"
    run(db, f"CREATE OR REPLACE TEMP VIEW texts AS {texts if source.texts else nothing}")
    run(db, "rows.sql")


def _check_rows(db: Database, source: Source) -> tuple[int, int, int]:
    """The number of maps, and their height and width."""
    words = ", ".join(f"count({column}) AS {name}" for name, column in _FULL.items())
    counted = run(db, f"SELECT count(*) AS maps, {words} FROM used")  # noqa: S608  # names of ours
    maps, *full = (column[0].as_py() for column in counted.columns)
    if not maps:
        raise DataError(f"{source.path}: holds no maps.")
    for name, count in zip(counted.column_names[1:], full, strict=True):
        if count < maps and not (name == "label" and count == 0):
            raise DataError(f"{source.path}: the column {name!r} has empty cells.")
    grids = rows(db, "SELECT DISTINCT height, width FROM used ORDER BY height, width")
    if len(grids) > 1:
        sizes = " and ".join(f"{height} x {width}" for height, width in grids)
        raise DataError(f"{source.path}: maps of several grids ({sizes}); give each its own file.")
    for (key,) in rows(db, "scattered.sql"):
        raise DataError(f"{source.path}: the maps of {key!r} do not follow each other; sort the file by image.")
    return maps, *grids[0]


def _first_text(db: Database, source: Source) -> str:
    """The name of the first text of every image, ``OWN`` if each has another."""
    firsts = rows(
        db,
        "SELECT name, arg_min(key, head), bool_or(edit IS NOT NULL) FROM images WHERE head IS NOT NULL "
        "GROUP BY name ORDER BY min(head) LIMIT 2",
    )
    if not firsts:
        raise DataError(f"{source.path}: no image has its first text (text_index 0), the one to compare with.")
    if len(firsts) == 1:
        return str(firsts[0][0])
    (one, here, edited), (another, there, edited_too) = firsts
    if edited or edited_too:
        raise DataError(
            f"{source.path}: the maps of {here!r} begin with the edit {one!r}, those of {there!r} with {another!r}; the first map "
            "of every image must have the same edit, the one to compare with."
        )
    return OWN


def _others(db: Database, source: Source) -> list[str]:
    """The texts besides the first of each image."""
    names = rows(db, "names.sql", most=_TEXTS + 1)
    if len(names) > _TEXTS:
        raise DataError(
            f"{source.path}: more than {_TEXTS:,} different texts besides the first of each image; texts are compared across images, so "
            "all images need the same texts, or a column 'edit' that names how each text was changed."
        )
    return [name for (name,) in names]
