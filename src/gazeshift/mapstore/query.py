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

Database = duckdb.DuckDBPyConnection


def run(db: Database, statement: str, **values: Any) -> pa.Table:
    """The result of a statement, or of the last of several; an empty table if it has none.

    Args:
        db: an open database.
        statement: SQL, or the name of a file of ``sql/``, such as ``cells.sql``.
        values: of the statement's parameters.
    """
    source = (_STATEMENTS / statement).read_text(encoding="utf-8") if statement.endswith(".sql") else statement
    found = db.sql(source, params=values or None)
    return pa.table({}) if found is None else found.to_arrow_table()


def rows(db: Database, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """The same as tuples of plain values."""
    return list(zip(*(column.to_pylist() for column in run(db, statement, **values).columns), strict=True))


@contextmanager
def database(about: Path, spill: Path | None = None, threads: int = 1, memory: str = "1GB") -> Iterator[Database]:
    """A database for one file or folder of maps; what it cannot read is an error of one line.

    Args:
        about: what errors name.
        spill: folder for what does not fit in memory, removed at the end; None: the system's temporary folder.
        threads: of DuckDB.
        memory: most memory that DuckDB may use, such as ``1GB``.

    Raises:
        UsageError: ``memory`` is no size.
        DataError: the data cannot be read as Parquet, or memory and disk do not suffice.

    Example:
        >>> with database(Path("maps.parquet")) as db:
        ...     rows(db, "SELECT $a + 1 AS b", a=1)
        [(2,)]
    """
    with tempfile.TemporaryDirectory(prefix="spill-", dir=spill) as folder:
        settings: dict[str, Any] = {"threads": threads, "memory_limit": memory, "temp_directory": folder}
        try:
            connection = duckdb.connect(config=settings)
        except duckdb.ParserException as error:
            raise UsageError(f"memory: give a size such as 1GB, not {memory!r} ({_reason(error)}).") from error
        try:
            with connection:
                yield connection
        except duckdb.OutOfMemoryException as error:
            raise DataError(
                f"{about}: memory or disk do not suffice; give more with --memory ({_reason(error)})."
            ) from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.ProgrammingError) and not isinstance(error, duckdb.InvalidInputException):
                raise  # a fault of a statement, not of the data
            raise DataError(f"{about}: cannot be read as Parquet ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())
