"""A Parquet file written part by part, that appears whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gazeshift.atomic import atomic_write
from gazeshift.json_types import Options


@contextmanager
def growing_table(
    path: Path, group: int, options: Callable[[pa.Table], Options] = lambda table: {}
) -> Iterator[Callable[[pa.Table], None]]:
    """A file to append tables of one schema to; without any table, no file is written.

    Args:
        path: the Parquet file; parent folders are created.
        group: minimum rows per row group, except the last: few make large files and slow readers, many need much memory.
        options: pyarrow's writer options, from the first rows.

    Raises:
        DataError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "numbers.parquet"
        >>> with growing_table(path, group=1000) as append:
        ...     append(pa.table({"a": [1, 2]}))
        ...     append(pa.table({"a": [3]}))
        >>> pq.read_table(path)["a"].to_pylist()
        [1, 2, 3]
    """
    held: list[pa.Table] = []
    with ExitStack() as file:
        writer: pq.ParquetWriter | None = None

        def write() -> None:
            nonlocal writer
            table = pa.concat_tables(held).unify_dictionaries()
            held.clear()
            if writer is None:
                place = file.enter_context(atomic_write(path, parents=True))
                new = pq.ParquetWriter(place, table.schema, compression="zstd", **options(table))
                writer = file.enter_context(new)
            writer.write_table(table, row_group_size=max(1, len(table)))

        def append(table: pa.Table) -> None:
            held.append(table)
            if sum(map(len, held)) >= group:
                write()

        yield append
        if held:
            write()
