"""The table of tiles: one row for each tile of each mosaic, with what the caption says; ``data.objects`` reads it, too."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gazeshift.data.mosaic.captions import Said
from gazeshift.data.mosaic.draw import Drawn
from gazeshift.data.mosaic.grid import Edges
from gazeshift.errors import DataError
from gazeshift.pairs import Pair

FILE = "objects.parquet"


@dataclass(frozen=True, slots=True)
class TileRow:
    """One tile of one mosaic.

    Attributes:
        key: the mosaic, relative to the data root.
        index: of the tile, from 1, row by row.
        name: its class.
        colour: empty: photos have no known colour.
        referred: whether the caption is about this tile. In the border control it is the tile that was drawn, although a class named
            is that of all.
        left: left edge in pixels.
        top: likewise.
        right: first column that no longer belongs to it.
        bottom: likewise.
        place: its place in words.
        photo: key of its photo in the source.
        target: whether the label is about this tile.
        label: the mosaic's label.
        text: the caption.
        caption_kind: kind of the caption.
        content: the words that carry the caption's meaning, as a JSON list.
    """

    key: str
    index: int
    name: str
    colour: str
    referred: bool
    left: int
    top: int
    right: int
    bottom: int
    place: str
    photo: str
    target: bool
    label: str
    text: str
    caption_kind: str
    content: str


_TYPES = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
SCHEMA = pa.schema([(field.name, _TYPES[field.type]) for field in fields(TileRow)])  # type: ignore[index]


def rows_of(key: str, drawn: Drawn, photos: Sequence[Pair], edges: Sequence[Edges]) -> list[TileRow]:
    """The rows of one mosaic."""
    content = json.dumps(drawn.said.content, ensure_ascii=False)
    return [
        TileRow(
            key=key,
            index=index,
            name=photo.label,
            colour="",
            referred=index == drawn.said.referred,
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            place=place,
            photo=photo.key.encode("utf-8", "backslashreplace").decode(),  # a file name may be in another encoding
            target=index == drawn.target,
            label=drawn.label,
            text=drawn.text,
            caption_kind=drawn.said.kind,
            content=content,
        )
        for index, (photo, place, (left, top, right, bottom)) in enumerate(
            zip(photos, drawn.shown.places, edges, strict=True), start=1
        )
    ]


def table_of(rows: Sequence[TileRow]) -> pa.Table:
    """Rows as a table."""
    return pa.table({name: [getattr(row, name) for row in rows] for name in SCHEMA.names}, SCHEMA)


def read_rows(root: Path) -> dict[str, list[TileRow]]:
    """The rows of every mosaic of a data root, by key.

    Raises:
        DataError: the table is missing, damaged, or not written by ``gazeshift data mosaic``.
    """
    try:
        table = pq.read_table(Path(root) / FILE, columns=SCHEMA.names)
    except (OSError, ValueError) as error:  # those of pyarrow are ValueErrors
        raise DataError(f"{root}: {FILE} cannot be read ({error}); write the mosaics again.") from error
    lacking = [name for name in SCHEMA.names if name not in table.column_names]
    if lacking:
        raise DataError(f"{root}: {FILE} has no column {lacking[0]!r}; write the mosaics again.")
    found: dict[str, list[TileRow]] = {}
    for record in table.to_pylist():
        found.setdefault(record["key"], []).append(TileRow(**record))
    return found


def said_in(rows: Sequence[TileRow]) -> Said:
    """What the caption of a mosaic says, from its rows."""
    first = rows[0]
    referred = next((row.index for row in rows if row.referred), None)
    return Said(first.caption_kind, referred, tuple(json.loads(first.content)))
