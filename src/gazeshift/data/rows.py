"""From what a source says (rows) to pairs that can be used, and findings about the rest."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gazeshift.data.decode import resolve
from gazeshift.data.findings import Finding
from gazeshift.errors import DataError
from gazeshift.pairs import Pair

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".jp2", ".tga")
)
SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""How sources call the splits, in lower case -> how we call them."""


@dataclass(frozen=True)
class Row:
    """One line of a source, not yet checked.

    Attributes:
        place: file and line, for messages.
        images: where the image may be, relative to the data root, best guess first; or its bytes.
        text: None where there is none.
        label: None where there is none.
        split: as the source calls it; None where it does not say.
        key: for images that are bytes.
    """

    place: str
    images: tuple[str, ...] | bytes
    text: str | None
    label: str | None
    split: str | None
    key: str = ""


@dataclass(frozen=True)
class Source:
    """What a layout's reader found.

    Attributes:
        rows: and findings about lines that are no rows.
        numbers: class name -> number, where the source numbers its classes.
    """

    rows: Sequence[Row | Finding]
    numbers: Mapping[str, int] | None = None


@dataclass(frozen=True)
class PairSet:
    """All pairs of a source.

    Attributes:
        root: the data root.
        format: the name of the layout (a key of ``gazeshift.data.sources.FORMATS``).
        pairs: in the order of the source.
        classes: class names in order: by number where the source numbers them, by name otherwise.
        findings: everything that was repaired or left out.
    """

    root: Path
    format: str
    pairs: tuple[Pair, ...]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]


def to_pairs(root: Path, rows: Iterable[Row | Finding]) -> tuple[list[Pair], list[Finding]]:
    """Check every row; what cannot be a pair becomes a finding.

    A row without a split goes to ``train``.
    """
    pairs: dict[str, Pair] = {}
    findings: list[Finding] = []
    for row in rows:
        pair = row if isinstance(row, Finding) else _to_pair(root, row)
        if isinstance(pair, Finding):
            findings.append(pair)
        elif pair.key in pairs:
            place = row.place if isinstance(row, Row) else ""
            findings.append(Finding("duplicate key", pair.key, f"again in {place}"))
        else:
            pairs[pair.key] = pair
            if not pair.text:
                findings.append(Finding("missing text", pair.key))
    return list(pairs.values()), findings


def _to_pair(root: Path, row: Row) -> Pair | Finding:
    split, label = SPLIT_NAMES.get((row.split or "train").strip().lower()), (row.label or "").strip()
    if split is None:
        return Finding("unknown split", row.place, repr(row.split))
    if not label:
        return Finding("missing class", row.place)
    image = _find_image(root, row)
    # Half a surrogate pair, as JSON may hold, can be neither tokenised nor written.
    text = (row.text or "").strip().encode("utf-8", "replace").decode()
    return image if isinstance(image, Finding) else Pair(*image, text, label, split)


def _find_image(root: Path, row: Row) -> tuple[str, Path | bytes] | Finding:
    """Key and image, or why there is none."""
    if isinstance(row.images, bytes):
        return (row.key, row.images) if row.images else Finding("missing image", row.place, "no bytes")
    try:
        found = next(((name, path) for name in row.images if (path := resolve(root, name)).is_file()), None)
    except (DataError, OSError) as error:
        return Finding("escaped path" if isinstance(error, DataError) else "missing image", row.place, str(error))
    if found is None:
        return Finding("missing image", row.place, row.images[0] if row.images else "no file name")
    return PurePosixPath(found[0]).as_posix(), found[1]


def order_classes(pairs: Iterable[Pair], numbers: Mapping[str, int] | None = None) -> tuple[str, ...]:
    """Class names by number where the source numbers them all, or are numbers; by name otherwise.

    Example:
        >>> pair = lambda label: Pair(f"{label}.png", b"x", "", label, "train")
        >>> order_classes([pair("10"), pair("9")])
        ('9', '10')
    """
    labels = sorted({pair.label for pair in pairs})
    if numbers and all(label in numbers for label in labels):
        # A numbered class keeps its place even if no pair is left of it.
        return tuple(sorted(numbers, key=numbers.__getitem__))
    if labels and all(re.fullmatch(r"\d+", label) for label in labels):
        return tuple(sorted(labels, key=int))
    return tuple(labels)


def scan_images(root: Path, folder: str) -> Iterator[str | Finding]:
    """POSIX paths, relative to ``root``, of all images under ``root/folder``, sorted; other files as findings.

    Hidden files are passed over; links to folders are not followed.
    """
    for where, folders, files in os.walk(root / folder):
        folders.sort()
        for name in sorted(name for name in files if not name.startswith(".")):
            relative = (Path(where) / name).relative_to(root).as_posix()
            written = relative.encode("utf-8", "replace").decode()  # names on disk can be any bytes
            is_image = PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES and written == relative
            yield relative if is_image else Finding("stray file", written)


def decode_text(raw: bytes, place: str) -> tuple[str, list[Finding]]:
    """UTF-8 (a byte order mark is dropped), or Windows-1252 with a finding."""
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), [Finding("repaired encoding", place)]
