"""Which files of a folder are the tables of a data set, and which split each one holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from gazeshift.data.findings import Finding, clipped
from gazeshift.data.rows import SPLIT_NAMES

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
REGION_TABLE = "regions"
"""What a table of regions beside the pairs is called."""
_COMPRESSED = ".gz"
_MAIN = {"data", "dataset", "pairs"}
_LISTED = 8
"""How many files a message names before it only counts the rest."""


@dataclass(frozen=True)
class TableFiles:
    """The tables of a data set.

    Attributes:
        read: each with the split that its name indicates, or None.
        unused: other tables, of unknown use.
    """

    read: tuple[tuple[PurePath, str | None], ...] = ()
    unused: tuple[PurePath, ...] = ()

    def findings(self, folder: PurePath) -> list[Finding]:
        """A finding for each table that is not read, naming those that are."""
        read = listed(path.relative_to(folder).as_posix() for path, _ in self.read)
        splits = {split for _, split in self.read}

        def way_out(path: PurePath) -> str:
            if split_of(path) not in {None, *splits} and None not in splits:
                return "give the folder to read all splits"
            return "give the table to read as the root, or merge all rows into one table"

        return [
            Finding("unused table", path.relative_to(folder).as_posix(), f"beside {read}; {way_out(path)}")
            for path in self.unused
        ]


def suffix_of(path: PurePath) -> str:
    """``.csv`` for ``data.CSV`` and for ``data.csv.gz``; the empty text for anything but a table.

    Example:
        >>> suffix_of(Path("a.csv.gz")), suffix_of(Path("a.v2.parquet")), suffix_of(Path("a.png"))
        ('.csv', '.parquet', '')
    """
    name = path.name.lower()
    bare = Path(name.removesuffix(_COMPRESSED))
    known = bare.suffix in SUFFIXES and (bare.name == name or bare.suffix != ".parquet")
    return bare.suffix if known else ""


def is_compressed(path: PurePath) -> bool:
    """Whether a table is compressed by gzip."""
    return path.name.lower().endswith(_COMPRESSED)


def split_of(path: PurePath) -> str | None:
    """``train`` for ``train.csv``, ``train-00000-of-00002.parquet`` and ``food_train.csv``; None if no split."""
    words = path.name.lower().split(".")[0].replace("-", "_").split("_")
    return next((word for word in words if word in SPLIT_NAMES), None)


def find_tables(root: Path) -> TableFiles:
    """The tables of ``root``: the file itself, or those at the top of the folder, or in its folder ``data``.

    A file named after a split is the whole of that split; tables of other splits next to it are not read. In a folder the tables named
    after splits are read together; failing those, a table called ``data``, ``dataset`` or ``pairs``, or the only one. A ``.json`` file
    counts only if it has one of these names, because folders contain many others.
    """
    if root.is_file():
        return _one_file(root) if suffix_of(root) else TableFiles()
    for folder in (root, root / "data"):
        if (found := tables_among(tables_in(folder))).read:
            return found
    return TableFiles()


def tables_among(tables: Sequence[PurePath]) -> TableFiles:
    """Which tables of one folder are the data set's; none if they cannot be told apart."""
    split = [(path, split_of(path)) for path in tables if split_of(path) is not None]
    if split:  # the same splits in two file formats are the same data
        return _with_rest([each for each in split if suffix_of(each[0]) == suffix_of(split[0][0])], tables)
    called = [path for path in tables if _stem(path) in _MAIN]
    alone = [path for path in tables if suffix_of(path) != ".json"]
    if called or len(alone) == 1:
        return _with_rest([((called or alone)[0], None)], tables)
    return TableFiles()


def tables_in(folder: Path) -> list[Path]:
    """The tables at the top of a folder, by name, without hidden files and files that are known to be something else."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in files if may_be_table(path) and path.is_file()]


def may_be_table(path: PurePath) -> bool:
    """Whether a file's name is that of a table: not hidden, and not known to be something else."""
    known = (
        path.name.startswith(".") or path.name in {"objects.parquet", "class_idx.json"} or _stem(path) == REGION_TABLE
    )
    return bool(suffix_of(path)) and not known


def listed(names: Iterable[str]) -> str:
    """Names for a message, at most one line of them.

    Example:
        >>> listed(["a.csv", "b.csv"]), listed(map(str, range(20)))
        ('a.csv, b.csv', '0, 1, 2, 3, 4, 5, 6, 7 and 12 more')
    """
    every = list(names)
    shown = ", ".join(map(clipped, every[:_LISTED]))
    return f"{shown} and {len(every) - _LISTED} more" if len(every) > _LISTED else shown


def _one_file(root: Path) -> TableFiles:
    split = split_of(root)
    beside = [path for path in tables_in(root.parent) if split_of(path) not in {None, split}] if split else []
    return TableFiles(((root, split),), tuple(beside))


def _with_rest(read: list[tuple[PurePath, str | None]], tables: Sequence[PurePath]) -> TableFiles:
    used = {path for path, _ in read}
    said = [path for path in tables if suffix_of(path) != ".json" or split_of(path) or _stem(path) in _MAIN]
    return TableFiles(tuple(read), tuple(path for path in said if path not in used))


def _stem(path: PurePath) -> str:
    return path.name.lower().split(".")[0]
