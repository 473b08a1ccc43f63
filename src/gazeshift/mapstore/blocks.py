"""Stored maps as blocks of whole images: the same blocks however the maps are stored and read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from gazeshift.errors import DataError
from gazeshift.mapstore.columns import BATCH, WORDS, batches, raw_maps
from gazeshift.mapstore.survey import Survey

ROWS = 4096
"""Most maps of a block, unless those of one image are more. Sums are taken block by block, so it is fixed."""


@dataclass(frozen=True, eq=False)
class Block:
    """The maps of some images, row by row.

    Attributes:
        words: the text columns.
        raw: signed maps.
        first: the row of the first map of the same image; its own row where there is none to compare with.
        head: whether it is such a first map itself.
        text: index of the text in ``Survey.texts``.
        label: index of the class in ``Survey.labels``; 0 if there are none.
        counts: number of maps of each image.
        transported: rows to measure the Wasserstein distance of.
    """

    words: pa.Table
    raw: Float[np.ndarray, "n h w"]
    first: Int[np.ndarray, " n"]
    head: Bool[np.ndarray, " n"]
    text: Int[np.ndarray, " n"]
    label: Int[np.ndarray, " n"]
    counts: Int[np.ndarray, " images"]
    transported: Int[np.ndarray, " some"]


def cut(found: Survey, batch: int = BATCH) -> Iterator[pa.Table]:
    """Go through the maps once: tables of as many whole images as fit in a block.

    Args:
        found: their survey.
        batch: number of rows read at a time.

    Raises:
        DataError: as ``batches``.
    """
    held: list[pa.RecordBatch] = []
    rows = 0
    for more in batches(found.source, found.target, batch):
        held.append(more)
        rows += len(more)
        while rows > ROWS:
            table = pa.Table.from_batches(held)
            ends = np.flatnonzero(image_starts(table))[1:]
            if not len(ends):
                break
            end = int(ends[ends <= ROWS].max(initial=0)) or int(ends[0])
            yield table[:end]
            held, rows = table[end:].to_batches(), rows - end
    if held:
        yield pa.Table.from_batches(held)


def image_starts(table: pa.Table) -> Bool[np.ndarray, " n"]:
    """Whether a row is the first of its image."""
    keys = table["key"].cast(pa.string())
    return np.append(True, pc.not_equal(keys[1:], keys[:-1]).to_numpy())


def block_of(found: Survey, table: pa.Table) -> Block:
    """The maps of a table that ``cut`` gave.

    Raises:
        DataError: the files have changed, or hold two maps of the same image and text, or maps of another size than they say.
    """
    table = table.unify_dictionaries().combine_chunks()
    starts = image_starts(table)
    rows = np.arange(len(table))
    head = table["text_index"].to_numpy() == 0 if "text_index" in table.column_names else starts
    image = np.cumsum(starts) - 1
    heads = np.full(image[-1] + 1, -1)
    heads[image[head]] = rows[head]
    first = np.where(heads[image] < 0, rows, heads[image])
    named = pc.coalesce(table["edit"].cast(pa.string()), table["text"].cast(pa.string()))
    text = _index(found, pc.if_else(pa.array(head), found.texts[0], named), found.texts)
    _check_once(found, table["key"], named, image * len(found.texts) + text)
    return Block(
        words=table.select(list(WORDS)),
        raw=_raw(found, table),
        first=first,
        head=head,
        text=text,
        label=_index(found, table["label"].cast(pa.string()), found.labels or (None,)),
        counts=np.bincount(image),
        transported=np.flatnonzero(np.isin(table["place"].to_numpy(), found.drawn, assume_unique=True)),
    )


def _check_once(found: Survey, keys: pa.ChunkedArray, names: pa.ChunkedArray, cells: Int[np.ndarray, " n"]) -> None:
    order = np.argsort(cells, kind="stable")
    again = order[1:][cells[order[1:]] == cells[order[:-1]]]
    if len(again):
        key, name = (column[int(again.min())].as_py() for column in (keys, names))
        raise DataError(
            f"{found.source.path}: several maps of {key!r} with the text or edit {name!r}; keep one of each, as "
            "gazeshift maps --target predicted does."
        )


def _raw(found: Survey, table: pa.Table) -> Float[np.ndarray, "n h w"]:
    try:
        return raw_maps(table.select(["scale", "map"]).to_batches()[0], found.height, found.width)
    except ValueError as error:
        grid = f"{found.height} x {found.width}"
        raise DataError(f"{found.source.path}: holds maps that are not of {grid} cells, as it says.") from error


def _index(found: Survey, column: pa.ChunkedArray, names: Sequence[str | None]) -> Int[np.ndarray, " n"]:
    """The index of every value of a column among some names."""
    places = pc.index_in(column, pa.array(names, pa.string()))
    if places.null_count:
        raise DataError(f"{found.source.path}: changed while it was being read.")
    return np.asarray(places.to_numpy(), dtype=np.int64)
