"""Layouts that are tables: which column holds what, and where the images are (plain tables, MMBT, imagefolder)."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from gazeshift.data.findings import Finding
from gazeshift.data.rows import SPLIT_NAMES, Row, Source, scan_images
from gazeshift.data.tables import SUFFIXES, Table, find_tables, load_table
from gazeshift.errors import DataError


@dataclass(frozen=True)
class Columns:
    """Which column holds what. None is found by its usual names (``USUAL``).

    Attributes:
        image: path relative to the data root (where the root is a table: to its folder), or, in Parquet, bytes or
            Hugging Face's ``{bytes, path}``.
        text: the text.
        label: class name or number.
        split: ``train``, ``validation``, ``test`` or what other sources call them.
    """

    image: str | None = None
    text: str | None = None
    label: str | None = None
    split: str | None = None


USUAL = {
    "image": ("image", "file_name", "filename", "img", "image_path", "img_path", "path", "file", "filepath", "id"),
    "text": ("text", "title", "caption", "sentence", "description"),
    "label": ("class", "class_name", "annotation", "category", "label", "target"),  # names before numbers
    "split": ("split", "subset", "partition"),
}
"""Column names tried, in this order, in any case."""


def is_table(root: Path) -> bool:
    """Whether ``root`` is a table, or a folder with tables that can be told apart."""
    return root.suffix.lower() in SUFFIXES if root.is_file() else bool(find_tables(root))


def is_mmbt(root: Path) -> bool:
    """Whether ``root`` holds ``train.jsonl`` with the fields img, text and label (MMBT, QMF)."""
    try:
        with (root / "train.jsonl").open(encoding="utf-8") as file:
            return {"img", "text", "label"} <= set(json.loads(file.readline()))
    except (OSError, ValueError, TypeError):
        return False


def is_imagefolder(root: Path) -> bool:
    """Whether ``root``, or one of its split folders, holds ``metadata.csv``, ``.jsonl`` or ``.parquet``."""
    return root.is_dir() and bool(_metadata(root))


def read_table(root: Path, columns: Columns) -> Source:
    """Rows of a table file, or of the tables of a folder (``find_tables``).

    A path is looked for as it stands, under ``images/``, and as ``images/<train or test>/<class>/<file>``.
    """
    folder = root.parent if root.is_file() else root
    found = [(root, None)] if root.is_file() else find_tables(root)
    tables = [(load_table(path, path.relative_to(folder).as_posix()), split) for path, split in found]
    rows = [row for table, split in tables for row in _rows(table, columns, split, _usual_places)]
    return Source(rows, _numbers([table for table, _ in tables], columns))


def read_mmbt(root: Path, columns: Columns) -> Source:
    """Rows of ``{train,dev,test}.jsonl`` with the fields img, text, label; pictures of ``dev`` may lie in ``train``.

    Kiela et al., "Supervised multimodal bitransformers for classifying images and text", 2019.
    """
    preset = Columns(columns.image or "img", columns.text or "text", columns.label or "label", columns.split)
    return read_table(root, preset)


def read_imagefolder(root: Path, columns: Columns) -> Source:
    """Rows of Hugging Face's ``imagefolder``: ``metadata.*`` beside the images, at the root or in split folders.

    ``file_name`` is relative to the metadata's folder. Without a label column the class is the image's folder.
    Images that no row names follow at the end, without text.
    """
    rows: list[Row | Finding] = []
    tables = []
    for path, split in _metadata(root):
        folder = path.parent.relative_to(root)
        table = load_table(path, path.relative_to(root).as_posix())
        tables.append(table)
        image = columns.image or ("file_name" if "file_name" in table.columns else None)
        for row in _rows(table, replace(columns, image=image), split, _beside(folder), label_needed=False):
            rows.append(_from_folders(row) if isinstance(row, Row) else row)
    named = {row.images[0] for row in rows if isinstance(row, Row) and isinstance(row.images, tuple) and row.images}
    for found in scan_images(root, "."):
        if isinstance(found, str) and found not in named:
            rows.append(_from_folders(Row(found, (found,), None, None, None)))
    return Source(rows, _numbers(tables, columns))


Places = Callable[[str, str | None, str | None], tuple[str, ...]]
"""Where the image of a row may be, from its path, class and split."""


def _usual_places(path: str, label: str | None, split: str | None) -> tuple[str, ...]:
    file = PurePosixPath(path)
    name = file.name if file.suffix else f"{file.name}.jpg"
    folders = ("test", "train") if split == "test" else ("train", "test")
    return (path, f"images/{path}", *(f"images/{folder}/{label}/{name}" for folder in folders if label))


def _beside(folder: Path) -> Places:
    return lambda path, label, split: ((folder / path).as_posix(),)


def _rows(
    table: Table, columns: Columns, split: str | None, places: Places, *, label_needed: bool = True
) -> Iterator[Row | Finding]:
    yield from table.findings
    image = _pick(table, columns.image, "image")
    text = _pick(table, columns.text, "text")
    label = _pick(table, columns.label, "label") if label_needed or columns.label else _find(table, "label")
    split_column = _pick(table, columns.split, "split") if columns.split else _find(table, "split")
    for line, record in table.records:
        own_label = _class_name(table, record.get(label)) if label else None
        own_split = (_text(record.get(split_column)) if split_column else None) or split
        value, key = _unpack(record.get(image), f"{table.name}/{line}")
        if not isinstance(value, bytes):
            path = (_text(value) or "").removeprefix("./")
            images: tuple[str, ...] | bytes = places(path, own_label, own_split) if path else ()
        else:
            images = value
        yield Row(f"{table.name}:{line}", images, _text(record.get(text)), own_label, own_split, key)


def _unpack(value: Any, key: str) -> tuple[Any, str]:
    """Path or bytes of an image field, and the key for bytes; Hugging Face packs both in one field."""
    if not isinstance(value, Mapping):
        return value, key
    path, content = value.get("path"), value.get("bytes")
    return (content, f"{key}/{PurePosixPath(path).name}" if path else key) if content else (path, key)


def _class_name(table: Table, value: Any) -> str | None:
    label = _text(value)
    if label and table.label_names and label.isdigit() and int(label) < len(table.label_names):
        return table.label_names[int(label)]
    return label


def _text(value: Any) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN alone is unlike itself
        return None
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _find(table: Table, role: str) -> str | None:
    by_lower = {column.lower(): column for column in reversed(table.columns)}
    return next((by_lower[name] for name in USUAL[role] if name in by_lower), None)


def _pick(table: Table, wanted: str | None, role: str) -> str:
    """The column called ``wanted``, or the usual one for ``role``."""
    found = (wanted if wanted in table.columns else None) if wanted else _find(table, role)
    if found is None:
        problem = f"no column {wanted!r}" if wanted else f"no column that looks like the {role}"
        listed = ", ".join(table.columns) or "none"
        raise DataError(f"{table.name}: {problem}. Columns: {listed}. Name it with {role}_column (--{role}-column).")
    return found


def _numbers(tables: list[Table], columns: Columns) -> dict[str, int] | None:
    """Class numbers from Hugging Face's features, or from a number column ``label`` beside the column of names."""
    numbers: dict[str, int] = {}
    for table in tables:
        if table.label_names:
            return {name: index for index, name in enumerate(table.label_names)}
        names = columns.label or _find(table, "label")
        if names in {None, "label"} or "label" not in table.columns:
            return None
        for _, record in table.records:
            name, number = str(record.get(names)).strip(), str(record.get("label")).strip()
            if not number.isdigit() or numbers.setdefault(name, int(number)) != int(number):
                return None
    return numbers if len(set(numbers.values())) == len(numbers) else None


def _metadata(root: Path) -> list[tuple[Path, str | None]]:
    """Metadata files and the split that their folder tells; the root's own counts alone."""
    names = [f"metadata{suffix}" for suffix in (".csv", ".jsonl", ".parquet")]
    here = [root / name for name in names if (root / name).is_file()]
    if here:
        return [(here[0], None)]
    splits = sorted(path for path in root.iterdir() if path.is_dir() and path.name.lower() in SPLIT_NAMES)
    found = [next((folder / name for name in names if (folder / name).is_file()), None) for folder in splits]
    return [(path, path.parent.name) for path in found if path is not None]


def _from_folders(row: Row) -> Row:
    """The row with the class and split that its image's folders tell, where it does not tell them itself."""
    if isinstance(row.images, bytes) or not row.images:
        return row
    folders = PurePosixPath(row.images[0]).parts[:-1]
    split = next((folder for folder in folders if folder.lower() in SPLIT_NAMES), None)
    label = folders[-1] if folders and folders[-1] != split else None
    return replace(row, label=row.label or label, split=row.split or split)
