"""Table layouts, and where their images are: plain tables, MMBT, imagefolder."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gazeshift.data.columns import Columns, has_column
from gazeshift.data.locate import Finds, unnamed
from gazeshift.data.rows import SPLIT_NAMES, Row, Source, scan_images
from gazeshift.data.table_files import TableFiles, find_tables, listed, suffix_of, tables_in
from gazeshift.data.table_rows import Places, TableRows

_SHEETS = {".xlsx", ".xls", ".ods", ".numbers"}


def is_table(root: Path) -> bool:
    """Whether ``root`` is a table, or a folder with tables that can be told apart."""
    return bool(find_tables(root).read)


def is_mmbt(root: Path) -> bool:
    """Whether ``root`` holds ``train.jsonl`` with the fields img, text and label (MMBT, QMF)."""
    try:
        with (root / "train.jsonl").open(encoding="utf-8") as file:
            return {"img", "text", "label"} <= set(json.loads(file.readline()))
    except (OSError, ValueError, TypeError):
        return False


def is_imagefolder(root: Path) -> bool:
    """Whether ``root``, or one of its split folders, holds ``metadata.csv``, ``.jsonl`` or ``.parquet``."""
    return root.is_dir() and bool(_metadata(root).read)


def read_table(root: Path, columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of a table file, or of the tables of a folder (``find_tables``).

    A path is searched for as written, under ``images/``, and as ``images/<train or test>/<class>/<file>``.
    """
    folder = root.parent if root.is_file() else root
    files = find_tables(root)
    return tables_rows(TableRows.load(folder, files, columns), files, optional)


def tables_rows(tables: TableRows, files: TableFiles, optional: Collection[str], finder: Finds | None = None) -> Source:
    """The rows of tables that were loaded, each with the split that its file's name indicates."""
    if 0 < sum(has_column(table, tables.columns, "label") for table in tables.loaded) < len(tables.loaded):
        # Test tables are often handed out without classes: their rows are said to lack one.
        optional = {*optional, "label"}
    for table, split in zip(tables.loaded, (split for _, split in files.read), strict=True):
        tables.add(table, split, _usual_places, optional)
    return replace(tables.source(), finder=finder)


def read_mmbt(root: Path, columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of ``{train,dev,test}.jsonl`` with the fields img, text, label; pictures of ``dev`` may be in ``train``.

    Kiela et al., "Supervised multimodal bitransformers for classifying images and text", 2019.
    """
    preset = Columns(columns.image or "img", columns.text or "text", columns.label or "label", columns.split)
    return read_table(root, preset, optional)


def read_imagefolder(root: Path, columns: Columns, optional: Collection[str] = ()) -> Source:
    """Rows of Hugging Face's ``imagefolder``: ``metadata.*`` next to the images, at the root or in split folders.

    ``file_name`` is relative to the metadata's folder. Without a label column the class is the image's folder.
    Images that no row names follow at the end, without text.
    """
    files = _metadata(root)
    tables = TableRows.load(root, files, columns)
    for table, (path, split) in zip(tables.loaded, files.read, strict=True):
        image = columns.image or ("file_name" if "file_name" in table.columns else None)
        folder = Path(path).parent.relative_to(root)
        tables.columns = replace(columns, image=image)
        tables.add(table, split, _beside(folder), {*optional, *(() if columns.label else ("label",))})
    tables.rows = [_from_folders(row) if isinstance(row, Row) else row for row in tables.rows]
    named = [row.images for row in tables.rows if isinstance(row, Row) and isinstance(row.images, tuple)]
    on_disk = [found for found in scan_images(root, ".") if isinstance(found, str)]
    for image in unnamed(on_disk, named):
        tables.rows.append(_from_folders(Row(image, (image,), None, None, None)))
    return tables.source()


def why_no_table(root: Path) -> str:
    """Why a root is neither a table nor a folder of distinguishable tables; empty if nothing suggests a table."""
    if root.is_file() and root.suffix.lower() in _SHEETS:
        return "not a readable table; save the sheet as CSV"
    if root.is_file():
        return "not a readable table; tables end in .csv, .tsv, .jsonl, .json or .parquet (or .csv.gz and so on)"
    tables = [path for folder in (root, root / "data") for path in tables_in(folder)]
    if not tables:
        sheets = sorted(path.name for path in root.iterdir() if path.suffix.lower() in _SHEETS)
        return f"holds {listed(sheets)}, which cannot be read; save the sheet as CSV" if sheets else ""
    names = listed(path.relative_to(root).as_posix() for path in tables)
    return f"holds the tables {names}, and none is called data, dataset, pairs or after a split: name one of them"


def _beside(folder: Path) -> Places:
    return lambda path, label, split: ((folder / path).as_posix(),)


def _usual_places(path: str, label: str | None, split: str | None) -> tuple[str, ...]:
    file = PurePosixPath(path)
    name = file.name if file.suffix else f"{file.name}.jpg"
    folders = ("test", "train") if split == "test" else ("train", "test")
    return (path, f"images/{path}", *(f"images/{folder}/{label}/{name}" for folder in folders if label))


def _metadata(root: Path) -> TableFiles:
    """Metadata files and the split named by their folder; a file at the root excludes the others."""
    splits = (
        sorted(path for path in root.iterdir() if path.is_dir() and path.name.lower() in SPLIT_NAMES)
        if root.is_dir()
        else []
    )
    found: dict[Path, list[Path]] = {}
    for folder in (root, *splits):
        tables = [path for path in tables_in(folder) if path.name.lower().split(".")[0] == "metadata"]
        order = [".csv", ".jsonl", ".parquet"]
        found[folder] = sorted(
            (path for path in tables if suffix_of(path) in order), key=lambda path: order.index(suffix_of(path))
        )
    kept = [root] if found[root] else [folder for folder in splits if found[folder]]
    read: Sequence[tuple[Path, str | None]] = [
        (found[folder][0], None if folder == root else folder.name) for folder in kept
    ]
    used = {path for path, _ in read}
    return TableFiles(tuple(read), tuple(path for paths in found.values() for path in paths if path not in used))


def _from_folders(row: Row) -> Row:
    """The row with the class and split from its image's folders, where it does not state them itself."""
    if not isinstance(row.images, tuple) or not row.images:
        return row
    folders = PurePosixPath(row.images[0]).parts[:-1]
    split = next((folder for folder in folders if folder.lower() in SPLIT_NAMES), None)
    label = folders[-1] if folders and folders[-1] != split else None
    return replace(row, label=row.label or label, split=row.split or split)
