"""The table of objects: one row for each object of each picture, with its scene and caption."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from gazeshift.data.plates.scene import Caption, PlateObject, Scene
from gazeshift.errors import DataError

FILE = "objects.parquet"


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object of one picture.

    Attributes:
        key: the picture, relative to the data root.
        index: which of its objects; 1 is the first.
        name: its dish.
        colour: its colour word.
        category: the dish's category.
        x: of its centre from the left edge, as a fraction of the picture's side.
        y: of its centre from the upper edge, as a fraction of the picture's side.
        radius: as a fraction of the picture's side.
        angle: rotation in [-1, 1], as a fraction of this dish's maximum.
        target: whether the picture's label is its dish.
        referred: whether the caption is about it.
        label: the picture's label.
        text: the caption.
        caption_kind: kind of the caption.
        content: words that the caption is about, joined by ``|``.
        modifier: adjective of the caption; empty if it has none.
        scene_seed: seed of the scene.
        size: side of the picture in pixels.
        clutter: clutter of the cloth.
        plate_x: x of the plate's centre, in the units of ``x``.
        plate_y: y of the plate's centre, in the units of ``y``.
    """

    key: str
    index: int
    name: str
    colour: str
    category: str
    x: float
    y: float
    radius: float
    angle: float
    target: bool
    referred: bool
    label: str
    text: str
    caption_kind: str
    content: str
    modifier: str
    scene_seed: int
    size: int
    clutter: float
    plate_x: float
    plate_y: float


_TYPES = {str: "str", int: "int64", float: "float64", bool: "bool"}
COLUMNS: dict[str, str] = {field.name: _TYPES[field.type] for field in fields(ObjectRow)}  # type: ignore[index]
"""Names and pandas' types, in order."""


def rows_of(key: str, scene: Scene, caption: Caption) -> list[ObjectRow]:
    """The rows of one picture, one for each of its objects."""
    return [
        ObjectRow(
            key=key,
            index=item.index,
            name=item.name,
            colour=item.colour,
            category=item.category,
            x=item.x,
            y=item.y,
            radius=item.radius,
            angle=item.angle,
            target=item.index == scene.target,
            referred=item.index == caption.referred,
            label=scene.label,
            text=caption.text,
            caption_kind=caption.kind,
            content="|".join(caption.content),
            modifier=scene.modifier,
            scene_seed=scene.seed,
            size=scene.size,
            clutter=scene.clutter,
            plate_x=scene.plate[0],
            plate_y=scene.plate[1],
        )
        for item in scene.objects
    ]


def scene_of(rows: Sequence[ObjectRow]) -> Scene:
    """The scene that a picture's rows describe."""
    first = rows[0]
    objects = tuple(
        PlateObject(row.index, row.name, row.colour, x=row.x, y=row.y, radius=row.radius, angle=row.angle)
        for row in rows
    )
    target = next(row.index for row in rows if row.target)
    plate = (first.plate_x, first.plate_y)
    return Scene(first.scene_seed, first.size, first.clutter, plate, objects, target, first.modifier)


def caption_of(rows: Sequence[ObjectRow]) -> Caption:
    """The caption that a picture's rows describe."""
    first = rows[0]
    referred = next((row.index for row in rows if row.referred), None)
    content = tuple(first.content.split("|")) if first.content else ()
    return Caption(first.caption_kind, first.text, referred, content, first.modifier)


def table_of(rows: Iterable[ObjectRow]) -> pd.DataFrame:
    """All rows as a table."""
    values = [tuple(getattr(row, name) for name in COLUMNS) for row in rows]
    return pd.DataFrame(values, columns=list(COLUMNS)).astype(COLUMNS)


def read_rows(root: Path) -> dict[str, list[ObjectRow]]:
    """The rows of every picture of a Plates root, by key.

    Raises:
        DataError: the table is missing, damaged, or not written by gazeshift.
    """
    path = Path(root) / FILE
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{root}: {FILE} cannot be read ({error}); write the data set again.") from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise DataError(f"{root}: {FILE} has no column {missing[0]!r}; write the data set again.")
    found: dict[str, list[ObjectRow]] = {}
    for row in table[list(COLUMNS)].itertuples(index=False, name=None):
        found.setdefault(row[0], []).append(ObjectRow(*row))
    return found
