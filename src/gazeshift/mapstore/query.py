"""DuckDB, embedded: the statements of ``sql/``, run in bounded memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gazeshift.errors import DataError, UsageError

_STATEMENTS = Path(__file__).with_name("sql")


class Database:
    """A database in memory that spills to a folder when its memory is used up.

    Args:
        connection: an open connection.
        about: what errors name: the file or folder that is read.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, about: Path) -> None:
        self._connection, self._about = connection, about

    def run(self, statement: str, **values: Any) -> pa.Table:
        """The result of a statement, or of the last of several; an empty table if it has none.

        Args:
            statement: SQL, or the name of a file of ``sql/``, such as ``cells.sql``.
            values: of the statement's parameters.

        Raises:
            DataError: the data cannot be read as Parquet, or memory and disk do not suffice.
        """
        source = (_STATEMENTS / statement).read_text(encoding="utf-8") if statement.endswith(".sql") else statement
        with _one_line(self._about):
            found = self._connection.sql(source, params=values or None)
            return pa.table({}) if found is None else found.to_arrow_table()

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """The same as tuples of plain values."""
        table = self.run(statement, **values)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@contextmanager
def database(about: Path, spill: Path | None = None, threads: int = 1, memory: str = "1GB") -> Iterator[Database]:
    """A database for one file or folder of maps.

    Args:
        about: what errors name.
        spill: folder for what does not fit in memory, removed at the end; None: the system's temporary folder.
        threads: of DuckDB.
        memory: most memory that DuckDB may use, such as ``1GB``.

    Raises:
        UsageError: ``memory`` is no size.
        DataError: as ``Database.run``.

    Example:
        >>> with database(Path("maps.parquet")) as db:
        ...     db.rows("SELECT $a + 1 AS b", a=1)
        [(2,)]
    """
    with tempfile.TemporaryDirectory(prefix="spill-", dir=spill) as folder, _one_line(about):
        settings: dict[str, Any] = {"threads": threads, "memory_limit": memory, "temp_directory": folder}
        try:
            opened = duckdb.connect(config=settings)
        except duckdb.ParserException as error:
            raise UsageError(f"memory: give a size such as 1GB, not {memory!r}.") from error
        with opened as connection:
            yield Database(connection, about)


@contextmanager
def _one_line(about: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise DataError(
            f"{about}: the memory or the disk does not suffice; give more with --memory ({_reason(error)})."
        ) from error
    except duckdb.Error as error:
        if isinstance(error, duckdb.ProgrammingError) and not isinstance(error, duckdb.InvalidInputException):
            raise  # a fault of a statement, not of the data
        raise DataError(f"{about}: cannot be read as Parquet ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())
