"""Stored maps measured in one pass, and summed up."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from gazeshift.data.pool import map_ahead
from gazeshift.mapstore.blocks import Block, block_of, cut
from gazeshift.mapstore.columns import BATCH
from gazeshift.mapstore.growing import growing_table
from gazeshift.mapstore.measure import Measured, measure
from gazeshift.mapstore.query import Database, run
from gazeshift.mapstore.rows import GROUP, row_options, row_table
from gazeshift.mapstore.sums import MapSums
from gazeshift.mapstore.survey import Survey


@dataclass(frozen=True, eq=False)
class Scanned:
    """The results for a file or folder of maps.

    Attributes:
        survey: its contents.
        cells: mean and variance of every measure by class and text: the result of ``sql/cells.sql``.
        sums: mean maps and information splits.
    """

    survey: Survey
    cells: pa.Table
    sums: MapSums


def scan(
    db: Database,
    found: Survey,
    rows: Path,
    *,
    threads: int = 1,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda maps: None,
) -> Scanned:
    """Measure maps block by block, and sum the measures up by class and text.

    Memory holds a few blocks and the sums over classes x texts; it does not grow with the number of maps. The results do not depend on
    the number of threads: blocks are measured side by side, but added up in order, and DuckDB sums in one thread.

    Args:
        db: the database.
        found: the survey of the maps.
        rows: new file for the measures of every map.
        threads: blocks measured at once.
        batch: number of rows read at a time.
        progress: called after each block with the number of its maps.

    Raises:
        DataError: maps cannot be read, or ``rows`` cannot be written.
    """
    sums = MapSums(found)
    # numpy leaves the other threads running. A few blocks more than threads are held.
    measured_blocks = map_ahead(partial(_measure, found), cut(found, batch), threads, threads + 1)
    with growing_table(rows, GROUP, row_options) as append, closing(measured_blocks):
        for block, measured, table in measured_blocks:
            append(table)
            sums.add(block, measured.p, measured.undefined)
            progress(len(table))
    run(db, "SET VARIABLE rows = $rows", rows=str(rows))
    run(db, "CREATE OR REPLACE TEMP VIEW measures AS FROM read_parquet(getvariable('rows'), file_row_number = true)")
    run(db, "named.sql")
    run(db, "SET threads = 1")
    return Scanned(found, run(db, "cells.sql"), sums)


def _measure(found: Survey, table: pa.Table) -> tuple[Block, Measured, pa.Table]:
    block = block_of(found, table)
    measured = measure(block.raw, block.first, _switched(block), block.transported)
    return block, measured, row_table(block, measured)


def _switched(block: Block) -> Bool[np.ndarray, " n"]:
    codes = block.words["class"].combine_chunks().indices.to_numpy()
    return codes != codes[block.first]
