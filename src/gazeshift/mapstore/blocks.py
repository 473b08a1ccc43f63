"""A file of maps as blocks of whole images: the same blocks however the file is stored and read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from gazeshift.errors import DataError
from gazeshift.mapstore.columns import BATCH, batches, raw_maps
from gazeshift.mapstore.survey import Survey

ROWS = 4096
"""Maps per block, or those of one image if these are more. Sums are taken block by block, so it is fixed."""


@dataclass(frozen=True, eq=False)
class Block:
    """The maps of some images, row by row.

    Attributes:
        words: the text columns, as in the file.
        raw: signed maps.
        first: the row of the first map of the same image.
        text: index of the text in ``Survey.texts``.
        label: index of the class in ``Survey.labels``.
        counts: number of maps of each image.
    """

    words: pa.Table
    raw: Float[np.ndarray, "n h w"]
    first: Int[np.ndarray, " n"]
    text: Int[np.ndarray, " n"]
    label: Int[np.ndarray, " n"]
    counts: Int[np.ndarray, " images"]


def blocks(found: Survey, batch: int = BATCH) -> Iterator[Block]:
    """Go through a file once.

    Args:
        found: the file's survey.
        batch: number of rows read at a time.

    Raises:
        DataError: the file is damaged, has changed, or holds two maps of the same image and text.
    """
    held: list[pa.RecordBatch] = []
    rows = 0
    coming = batches(found.path, (*found.columns, "scale", "map"), batch)
    for counts in _cut(found.counts):
        wanted = int(counts.sum())
        while rows < wanted:
            got = next(coming, None)
            if got is None:
                raise DataError(f"{found.path}: changed while it was being read.")
            held.append(got)
            rows += len(got)
        table = pa.Table.from_batches(held)
        yield _block(found, table.slice(0, wanted), counts)
        held, rows = table.slice(wanted).to_batches(), rows - wanted


def _cut(counts: Int[np.ndarray, " images"]) -> Iterator[Int[np.ndarray, " some"]]:
    """Runs of images with about ``ROWS`` maps."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start] - counts[start]
        stop = max(int(np.searchsorted(ends, before + ROWS, side="right")), start + 1)
        yield counts[start:stop]
        start = stop


def _block(found: Survey, table: pa.Table, counts: Int[np.ndarray, " images"]) -> Block:
    table = table.unify_dictionaries().combine_chunks()
    starts = np.cumsum(counts) - counts
    first = np.repeat(starts, counts)
    named = table[found.grouped]
    text = 1 + _index(named, found.texts[1:]) if found.own else _index(named, found.texts)
    text[starts] = 0
    label = _index(table["label"], found.labels) if "label" in found.columns else np.zeros(len(first), dtype=np.int64)
    _check_once(found, table, first, text)
    raw = raw_maps(table.select(["scale", "map"]).to_batches()[0], found.height, found.width)
    return Block(table.select(list(found.columns)), raw, first, text, label, counts)


def _index(column: pa.ChunkedArray, names: tuple[str, ...]) -> Int[np.ndarray, " n"]:
    """The index of every value of a column among some names; -1 if it is not among them."""
    words = column.combine_chunks()
    words = words.chunk(0) if isinstance(words, pa.ChunkedArray) else words
    places = pc.fill_null(pc.index_in(words.dictionary, pa.array(names, pa.string())), -1).to_numpy()
    return np.asarray(places[words.indices.to_numpy()], dtype=np.int64)


def _check_once(found: Survey, table: pa.Table, first: Int[np.ndarray, " n"], text: Int[np.ndarray, " n"]) -> None:
    cells = first * len(found.texts) + text
    order = np.argsort(cells, kind="stable")
    again = order[1:][cells[order[1:]] == cells[order[:-1]]]
    if len(again):
        key, name = (table[column][int(again[0])].as_py() for column in ("key", found.grouped))
        raise DataError(
            f"{found.path}: several maps of {key!r} with the {found.grouped} {name!r}; keep one of each, as "
            "gazeshift maps --target predicted does."
        )
