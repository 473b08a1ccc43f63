"""What maps are read from: one Parquet file, or a folder of shards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gazeshift.errors import DataError

_NEEDED = ("key", "class", "height", "width", "scale", "map")
_EITHER = ("text", "text_id")


@dataclass(frozen=True)
class Source:
    """Stored maps.

    Attributes:
        path: the file or folder, as given.
        files: the files of maps, in order.
        texts: for each of them the file of its texts; none where the files of maps hold them.
    """

    path: Path
    files: tuple[Path, ...]
    texts: tuple[Path, ...]


def find_source(path: Path) -> Source:
    """What is stored at a path, looked at without reading any map.

    Args:
        path: a file or a folder that ``gazeshift maps`` wrote, or a study's file of maps.

    Raises:
        DataError: nothing is there, a folder is not finished, or columns of maps are missing.
    """
    if not path.is_dir():
        if path.parent.name == "maps" and (path.parent.parent / "texts" / path.name).is_file():
            raise DataError(f"{path}: is one shard, whose texts lie beside it; name its folder, {path.parent.parent}.")
        _check_columns(path, _EITHER[:1])
        return Source(path, (path,), ())
    if not (path / "manifest.json").is_file():
        begun = (path / "settings.json").is_file()
        unfinished = "its run has not finished: start the same gazeshift maps again"
        other = "name a finished folder of gazeshift maps, or files of maps"
        raise DataError(f"{path}: is a folder without manifest.json; {unfinished if begun else other}.")
    files = sorted((path / "maps").glob("*.parquet"))
    if not files:
        raise DataError(f"{path}: holds no maps.")
    for file in files:
        _check_columns(file, _EITHER[1:])
    texts = tuple(path / "texts" / file.name for file in files)
    for file in texts:
        with readable(file):
            pq.read_schema(file)
    return Source(path, tuple(files), texts)


def _check_columns(path: Path, others: tuple[str, ...]) -> None:
    with readable(path):
        schema = pq.read_schema(path)
    missing = [name for name in (*_NEEDED, *others) if name not in schema.names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(map(repr, missing))}; name a file that gazeshift maps wrote.")
    kind = schema.field("map").type
    if not (pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)):
        raise DataError(f"{path}: the maps are not lists of numbers; name a file that gazeshift maps wrote.")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """A block that reads a Parquet file; its errors are one line.

    Raises:
        DataError: it does not exist or is damaged.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.") from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({' '.join(str(error).split())}).") from error
