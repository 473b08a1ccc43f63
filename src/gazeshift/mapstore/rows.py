"""The measures of every map, written block by block: a large table with single-precision columns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from gazeshift.json_types import Options
from gazeshift.mapstore.blocks import Block
from gazeshift.mapstore.growing import growing_table
from gazeshift.mapstore.measure import Measured, measure_names

_GROUP = 2**17  # rows of a row group: as many as keep readers fast and memory small


@contextmanager
def row_file(path: Path) -> Iterator[Callable[[Block, Measured], None]]:
    """A file for the measures of every map, in order: the text columns, ``first``, ``undefined``, and the measures.

    Args:
        path: the Parquet file; it gets its name when complete.

    Yields:
        A function that writes the rows of a block.

    Raises:
        DataError: it cannot be written.
    """
    with growing_table(path, _GROUP, _options) as append:
        yield lambda block, measured: append(_rows(block, measured))


def _rows(block: Block, measured: Measured) -> pa.Table:
    table = block.words
    table = table.append_column("first", pa.array(block.first == np.arange(len(block.first))))
    table = table.append_column("undefined", pa.array(measured.undefined))
    for name, column in zip(measure_names(), measured.values.T.astype(np.float32), strict=True):
        kind = pa.bool_() if name == "switched" else pa.float32()
        # Undefined is null here, which no reader mistakes for a number.
        table = table.append_column(name, pa.array(column, from_pandas=True).cast(kind))
    return table


def _options(table: pa.Table) -> Options:
    numbers = [name for name in measure_names() if name != "switched"]
    return {
        "use_dictionary": [name for name in table.column_names if pa.types.is_dictionary(table[name].type)],
        "column_encoding": dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
    }
