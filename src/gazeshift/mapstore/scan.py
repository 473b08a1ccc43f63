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
from gazeshift.mapstore.measure import MEASURES, measure
from gazeshift.mapstore.rows import row_file
from gazeshift.mapstore.splits import SplitOf, Splits
from gazeshift.mapstore.survey import Survey, survey


@dataclass(frozen=True, eq=False)
class Scanned:
    """What a file of maps came to.

    Attributes:
        survey: what the file holds.
        cells: sums by class and text.
        splits: information splits.
        transported: pairs whose Wasserstein-1 distance was drawn.
    """

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

    Memory holds a few blocks and the sums of classes x texts; it does not grow with the number of maps.

    Args:
        path: as ``gazeshift maps`` or a study writes it.
        rows: where the measures of every map go; None: nowhere.
        wasserstein: pairs, a map and the first of its image, to measure transport on: drawn without replacement, each with the same chance.
            Files of the same layout have the same pairs drawn.
        seed: of that draw.
        batch: rows read at once.
        progress: told how many maps are done, and of how many; after each block.

    Raises:
        DataError: as ``survey`` and ``blocks``.
    """
    found = survey(path, batch)
    cells = Cells(len(found.labels), len(found.texts), len(MEASURES), found.height, found.width)
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
    return Scanned(found, cells, splits.found(), len(drawn))


def draw_pairs(pairs: int, count: int, seed: int) -> Int[np.ndarray, " drawn"]:
    """``count`` of the numbers below ``pairs``, or all, in ascending order; every set of that size has the same chance.

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
