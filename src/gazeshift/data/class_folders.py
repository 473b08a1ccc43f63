"""Pictures in folders named after their classes, and nothing else: for what needs no texts."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gazeshift.data.findings import Finding
from gazeshift.data.locate import IMAGE_SUFFIXES
from gazeshift.data.rows import SPLIT_NAMES, Row, Source, scan_images

_FEWEST = 2
"""Folders of pictures from which on they are classes: a single one is a folder of pictures that a table would name."""


def is_class_folders(root: Path) -> bool:
    """Whether ``root``, or one of its split folders, holds two folders of pictures or more."""
    if not root.is_dir():
        return False
    folders = [path for path in root.iterdir() if path.is_dir()]
    splits = [path for path in folders if path.name.lower() in SPLIT_NAMES]
    return any(
        sum(map(_has_pictures, here)) >= _FEWEST
        for here in (
            [path for path in folders if path not in splits],
            *([path for path in split.iterdir() if path.is_dir()] for split in splits),
        )
    )


def read_class_folders(root: Path) -> Source:
    """A row without text for every picture in a folder: its class is that folder, its split the one above, if it is named after one."""
    return Source(list(_rows(root)))


def _rows(root: Path) -> Iterator[Row | Finding]:
    for found in scan_images(root, "."):
        if isinstance(found, Finding):
            yield found
            continue
        folders = PurePosixPath(found).parts[:-1]
        split = folders[0] if folders and folders[0].lower() in SPLIT_NAMES else None
        label = folders[-1] if len(folders) > (split is not None) else None
        yield Row(found, (found,), None, label, split)


def _has_pictures(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") for path in folder.iterdir())
