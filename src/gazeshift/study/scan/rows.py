"""What was measured of every map, written block by block: a large table, in columns of single precision."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gazeshift.study.scan.blocks import Block
from gazeshift.study.scan.measure import MEASURES, Measured

_GROUP = 2**17  # rows of a row group: as many as keep readers fast and memory small


class RowFile:
    """The measures of every map of a file, in its order: the columns of words, ``first``, ``undefined``, and ``MEASURES``.

    The file has its name when it is whole.

    Args:
        path: the Parquet file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._unfinished = path, path.with_name(path.name + ".unfinished")
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.Table] = []
        self._rows = 0

    def add(self, block: Block, measured: Measured) -> None:
        """Write the rows of a block."""
        table = block.words
        table = table.append_column("first", pa.array(block.first == np.arange(len(block.first))))
        table = table.append_column("undefined", pa.array(measured.undefined))
        for name, column in zip(MEASURES, measured.values.T.astype(np.float32), strict=True):
            kind = pa.bool_() if name == "switched" else pa.float32()
            # Undefined is an empty place here, which no reader takes for a number.
            table = table.append_column(name, pa.array(column, from_pandas=True).cast(kind))
        self._held.append(table)
        self._rows += len(table)
        if self._rows >= _GROUP:
            self._write()

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self._held:
                self._write()
            if self._writer is not None:
                self._writer.close()
            if kind is None and self._writer is not None:
                self._unfinished.replace(self._path)
        finally:
            self._unfinished.unlink(missing_ok=True)

    def _write(self) -> None:
        table = pa.concat_tables(self._held).unify_dictionaries()
        if self._writer is None:
            numbers = [name for name in MEASURES if name != "switched"]
            self._writer = pq.ParquetWriter(
                self._unfinished,
                table.schema,
                compression="zstd",
                use_dictionary=[name for name in table.column_names if pa.types.is_dictionary(table[name].type)],
                column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
            )
        self._writer.write_table(table, row_group_size=2 * _GROUP)
        self._held, self._rows = [], 0
