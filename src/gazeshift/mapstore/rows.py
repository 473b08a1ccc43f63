"""The measures of every map, written block by block: a large table with single-precision columns."""

import numpy as np
import pyarrow as pa

from gazeshift.json_types import Options
from gazeshift.mapstore.blocks import Block
from gazeshift.mapstore.columns import WORDS
from gazeshift.mapstore.measure import Measured, measure_names

GROUP = 2**17
"""Rows of a row group: as many as keep readers fast and memory small."""


def row_table(block: Block, measured: Measured) -> pa.Table:
    """The rows of a block, in order: its words, ``first``, ``undefined``, and the measures.

    What is undefined, or beyond single precision, is null, which no reader mistakes for a number.
    """
    columns = {"first": pa.array(block.head), "undefined": pa.array(measured.undefined)}
    with np.errstate(over="ignore"):
        values = measured.values.T.astype(np.float32)
    for name, column in zip(measure_names(), values, strict=True):
        kind = pa.bool_() if name == "switched" else pa.float32()
        columns[name] = pa.array(column, mask=~np.isfinite(column)).cast(kind)
    names = [*WORDS, *columns]
    return pa.table([*block.words.columns, *columns.values()], names=names)


def row_options(table: pa.Table) -> Options:
    """Compact encodings: a dictionary for words, split byte streams for numbers."""
    numbers = [name for name in measure_names() if name != "switched"]
    return {"use_dictionary": list(WORDS), "column_encoding": dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")}
