"""Other texts of the pairs in a table of their own, by key."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gazeshift.data.cells import as_text, as_texts
from gazeshift.data.findings import Finding
from gazeshift.data.objects import image_name
from gazeshift.data.rows import as_written
from gazeshift.data.tables import Table, load_table, shown_columns
from gazeshift.errors import DataError
from gazeshift.pairs import Pair

_KEY = ("key", "image", "file_name", "filename", "img", "image_path", "path", "file", "id")


def with_further_file(root: Path, pairs: Sequence[Pair], file: str, column: str) -> tuple[list[Pair], list[Finding]]:
    """The pairs with the texts of a table's column; each row has the key of a pair, or its image.

    A row belongs to the pair of its key; else to the pairs of the image with that path under the root or, where it is given without
    folders, with that file name.

    Args:
        root: the data root.
        pairs: the pairs.
        file: the table: a path under the root, or any other.
        column: of the texts; it is their name in ``Pair.further``.

    Raises:
        DataError: no such table, one that cannot be read or lacks a column, or two texts for one key.
    """
    path = root / file if (root / file).is_file() else Path(file).expanduser()
    table = load_table(path, path.name)
    texts = _texts(table, _key_column(table), column)
    findings, known = [*table.findings], _names(root, pairs)
    found: dict[str, str] = {}
    for key, text in texts.items():
        keys = known.get(key, ())
        found |= dict.fromkeys(keys, text)
        findings += [] if keys else [Finding("stray text", key, f"in {path.name}")]
    return [_with(pair, column, found.get(pair.key)) for pair in pairs], findings


def _with(pair: Pair, column: str, text: str | None) -> Pair:
    return pair if text is None else replace(pair, further=(*pair.further, (column, text)))


def _names(root: Path, pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """The keys of the pairs that a name means: their own key, their image's path, or its file name. The more exact one counts."""
    exact, paths, files = {}, defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for pair in pairs:
        name = image_name(root, pair)
        exact[pair.key] = [pair.key]
        paths[name].append(pair.key)
        files[PurePosixPath(name).name].append(pair.key)
    return {**files, **paths, **exact}


def _key_column(table: Table) -> str:
    found = next((column for name in _KEY for column in table.columns if column.lower() == name), None)
    if found is None:
        raise DataError(f"{table.name}: no column says the pair; call it key. Columns: {shown_columns(table)}.")
    return found


def _texts(table: Table, key: str, column: str) -> dict[str, str]:
    if column not in table.columns:
        raise DataError(f"{table.name}: no column {column!r}. Columns: {shown_columns(table)}.")
    found: dict[str, str] = {}
    for line, record in table.records:
        name, texts = (as_text(record.get(key)) or "").strip(), as_texts(record.get(column))
        text = as_written(texts[0]) if texts else ""
        if name and text and found.setdefault(name, text) != text:
            raise DataError(f"{table.place(line)}: a second text for {name!r}; give each key one.")
    return found
