"""One pass over one file of maps: every map measured, and summed by class and text."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from gazeshift.mapstore.blocks import Block, blocks
from gazeshift.mapstore.cells import Cells
from gazeshift.mapstore.columns import BATCH
from gazeshift.mapstore.measure import measure, measure_names
from gazeshift.mapstore.rows import row_file
from gazeshift.mapstore.splits import SplitOf, Splits
from gazeshift.mapstore.survey import Survey, survey


@dataclass(frozen=True, eq=False)
class Scanned:
    """The results for a file of maps.

    Attributes:
        measures: the names of the measures, in the order of the cells.
        survey: the file's contents.
        cells: sums by class and text.
        splits: information splits.
        transported: pairs drawn for the Wasserstein-1 distance.
    """

    measures: tuple[str, ...]
    survey: Survey
    cells: Cells
    splits: list[SplitOf]
    transported: int


def scan(
    path: Path,
    rows: Path | None = None,
    *,
    wasserstein: int = 10_000,
    seed: int = 0,
    batch: int = BATCH,
    progress: Callable[[int, int], None] = lambda maps, of: None,
) -> Scanned:
    """Measure a file of maps, block by block.

    Memory holds a few blocks and the sums over classes x texts; it does not grow with the number of maps.

    Args:
        path: a file written by ``gazeshift maps`` or a study.
        rows: file for the measures of every map; None to skip them.
        wasserstein: number of pairs (a map and the first of its image) for the Wasserstein distance: drawn uniformly without replacement.
            The same pairs are drawn for files of the same layout.
        seed: random seed of that draw.
        batch: number of rows read at a time.
        progress: called after each block with the number of maps done and their total.

    Raises:
        DataError: as ``survey`` and ``blocks``.
    """
    found, names = survey(path, batch), measure_names()
    cells = Cells(len(found.labels), len(found.texts), len(names), found.height, found.width)
    splits = Splits(found.labels, len(found.texts))
    drawn = draw_pairs(found.pairs, wasserstein, seed)
    pairs = maps = 0
    with row_file(rows) if rows is not None else nullcontext() as write:
        for block in blocks(found, batch):
            later = np.flatnonzero(block.first != np.arange(len(block.first)))
            mine = drawn[np.searchsorted(drawn, pairs) : np.searchsorted(drawn, pairs + len(later))] - pairs
            measured = measure(block.raw, block.first, _switched(block), later[mine])
            cells.add(block.label, block.text, measured.values, measured.p, measured.undefined)
            splits.add(block, measured.p)
            if write is not None:
                write(block, measured)
            pairs, maps = pairs + len(later), maps + len(block.raw)
            progress(maps, found.maps)
    return Scanned(names, found, cells, splits.found(), len(drawn))


def draw_pairs(pairs: int, count: int, seed: int) -> Int[np.ndarray, " drawn"]:
    """``count`` of the numbers below ``pairs``, or all, in ascending order; every set of that size is equally likely.

    Example:
        >>> draw_pairs(3, 10, seed=0).tolist()
        [0, 1, 2]
    """
    if count >= pairs:
        return np.arange(pairs)
    return np.sort(np.random.default_rng(seed).choice(pairs, count, replace=False))


def _switched(block: Block) -> Bool[np.ndarray, " n"]:
    classes = block.words["class"].combine_chunks()
    codes = classes.indices.to_numpy()
    return codes != codes[block.first]
