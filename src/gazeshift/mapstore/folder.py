"""A folder of stored maps: its shards, what it was made with, and a manifest that is written last."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from gazeshift.atomic import atomic_write, write_json
from gazeshift.errors import DataError, UsageError
from gazeshift.json_types import Json
from gazeshift.mapstore.shard import ShardFiles

SCHEMA = 2
"""Of the folder and its columns; a reader of this version refuses another."""


@dataclass(frozen=True)
class ShardNote:
    """What a shard holds; kept in its own file, and in the manifest.

    Attributes:
        number: from 0.
        start: position of its first pair in the data.
        pairs: how many pairs.
        digest: of their keys, labels and texts, and of the images' addresses.
        images: pairs with maps.
        maps: maps.
        undefined: maps without any positive evidence.
        incomplete: maps whose sum misses what their method promises.
        grid: height and width of the maps; None if there is none.
    """

    number: int
    start: int
    pairs: int
    digest: str
    images: int
    maps: int
    undefined: int
    incomplete: int
    grid: tuple[int, int] | None

    @classmethod
    def of(cls, stored: Json) -> "ShardNote":
        """From JSON."""
        return cls(**{**stored, "grid": None if stored["grid"] is None else tuple(stored["grid"])})

    def values(self) -> Json:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class MapFolder:
    """Where everything in a folder of maps is.

    Attributes:
        path: the folder.

    Example:
        >>> MapFolder(Path("maps")).shard(3).maps.as_posix()
        'maps/maps/part-00003.parquet'
    """

    path: Path

    @property
    def manifest(self) -> Path:
        """What the folder holds; written last."""
        return self.path / "manifest.json"

    @property
    def settings(self) -> Path:
        """What the maps are made with; written first."""
        return self.path / "settings.json"

    @property
    def status(self) -> Path:
        """How far a run is."""
        return self.path / "status.json"

    @property
    def lock(self) -> Path:
        """Held while a run writes here."""
        return self.path / ".lock"

    @property
    def index(self) -> Path:
        """Keys in order, each with its image's position."""
        return self.path / "index.parquet"

    @property
    def maps(self) -> Path:
        """The folder of the maps' shards."""
        return self.path / "maps"

    def shard(self, number: int) -> ShardFiles:
        """The files of a shard."""
        name = f"part-{number:05d}.parquet"
        return ShardFiles(self.maps / name, self.path / "texts" / name)

    def finished(self) -> list[int]:
        """Numbers of the shards that are there, in order."""
        found = (path.stem.removeprefix("part-") for path in self.maps.glob("part-*.parquet"))
        return sorted(int(number) for number in found if number.isdigit())


def refuse_other(folder: MapFolder) -> None:
    """Refuse a folder that holds something else, before anything is written to it.

    Raises:
        UsageError: it is neither new, nor empty, nor of an earlier run.
    """
    if not folder.path.is_dir() or folder.settings.exists():
        return
    left = {path.name for path in folder.path.iterdir()} - {folder.lock.name, folder.status.name}
    if left:
        raise UsageError(f"{folder.path}: is not empty and holds no maps ({min(left)}); name a new folder.")


def begin(folder: MapFolder, settings: Json, shard_size: int) -> int:
    """Write what the maps are made with; in a folder that has it already, compare.

    Args:
        folder: new, empty, or of an earlier run.
        settings: everything that decides the maps.
        shard_size: pairs in a shard of a new folder.

    Returns:
        How many pairs a shard of this folder has.

    Raises:
        UsageError: the folder's maps were made with other settings.
        DataError: it cannot be read or written.
    """
    if not folder.settings.exists():
        write_json(folder.settings, {"schema": SCHEMA, "shard_size": shard_size, **settings}, indent=1)
        return shard_size
    known = _read(folder.settings)
    size = known.pop("shard_size", shard_size)
    now = {"schema": SCHEMA, **settings}
    for name in sorted(now.keys() | known.keys()):
        if now.get(name) != known.get(name):
            raise UsageError(
                f"{folder.path}: holds maps of another run: {name} was {_short(known.get(name))} and is now {_short(now.get(name))}; "
                "name a new folder, or delete this one."
            )
    return int(size)


def finish(folder: MapFolder, settings: Json, shards: Sequence[ShardNote]) -> Json:
    """Write the index of keys and, last, the manifest; nothing, if they are there already.

    Returns:
        The manifest.
    """
    totals = {
        name: sum(getattr(shard, name) for shard in shards)
        for name in ("pairs", "images", "maps", "undefined", "incomplete")
    }
    manifest = {
        "schema": SCHEMA,
        **totals,
        "failed": totals["pairs"] - totals["images"],
        "settings": settings,
        "shards": [shard.values() for shard in shards],
    }
    if folder.manifest.is_file() and _read(folder.manifest) == json.loads(json.dumps(manifest)):
        return manifest
    _write_index(folder, shards)
    write_json(folder.manifest, manifest, indent=1)
    return manifest


def read_manifest(folder: Path) -> Json:
    """The manifest of a folder of maps.

    Raises:
        DataError: none, of an unfinished run, or of another version.
    """
    path = MapFolder(folder).manifest
    if not path.is_file():
        begun = MapFolder(folder).settings.is_file()
        raise DataError(
            f"{folder}: {'the run that writes it has not finished; start the same command again' if begun else 'holds no stored maps'}."
        )
    manifest = _read(path)
    if manifest.get("schema") != SCHEMA:
        raise DataError(f"{path}: has schema {manifest.get('schema')!r}, and this gazeshift reads {SCHEMA}.")
    return manifest


def _write_index(folder: MapFolder, shards: Sequence[ShardNote]) -> None:
    """DuckDB sorts on disk, so that memory does not grow with the number of images."""
    files = [str(folder.shard(shard.number).maps) for shard in shards]
    with atomic_write(folder.index) as file, duckdb.connect(config={"temp_directory": str(folder.path)}) as database:
        names = database.read_parquet(files) if files else database.sql("SELECT '' AS key, 0 AS image WHERE false")
        names.aggregate("key, image").order("key, image").write_parquet(
            str(file), compression="zstd", row_group_size=8192
        )


def _read(path: Path) -> Json:
    try:
        found: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); delete the folder and start again.") from error
    return found


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
