"""From a source's rows to usable pairs, and findings about the rest."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from gazeshift.data.addresses import Root
from gazeshift.data.contents import image_identity
from gazeshift.data.findings import Finding, short
from gazeshift.data.locate import IMAGE_SUFFIXES, Finds
from gazeshift.data.regions.scene import Region, scene_objects
from gazeshift.pairs import ImageReference, ImageSource, Pair

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""What sources call the splits, in lower case -> what gazeshift calls them."""


@dataclass(frozen=True)
class Row:
    """One line of a source, not yet checked.

    Attributes:
        place: file and line, for messages.
        images: candidate paths of the image, relative to the data root, best guess first; or its bytes, or a reference to them.
        text: None if there is none.
        label: None if there is none.
        split: the source's name of the split; None if it gives none.
        key: the key of an image that is not given as a path.
        regions: where things are in the picture.
        further: other texts, each after the name of its column.
    """

    place: str
    images: tuple[str, ...] | bytes | ImageReference
    text: str | None
    label: str | None
    split: str | None
    key: str = ""
    regions: tuple[Region, ...] = ()
    further: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Source:
    """What a layout's reader found.

    Attributes:
        rows: rows, and findings about lines that are not rows.
        numbers: class name -> number, if the source numbers its classes.
        notes: choices of the reader that lose nothing, one line each.
        finder: finds the images that rows name by a path; None: they are files under the root.
    """

    rows: Sequence[Row | Finding]
    numbers: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
    finder: Finds | None = None


@dataclass(frozen=True)
class PairSet:
    """All pairs of a source.

    Attributes:
        root: the data root.
        format: the name of the layout (a key of ``gazeshift.data.sources.FORMATS``).
        pairs: the pairs in the order of the source.
        classes: class names in order: by number where the source numbers them, by name otherwise.
        findings: everything that was repaired or left out.
        notes: choices made while reading that lose nothing, one line each: columns, separators, a drawn split.
    """

    root: Root
    format: str
    pairs: tuple[Pair, ...]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def to_pairs(
    finder: Finds, rows: Iterable[Row | Finding], *, class_needed: bool = True
) -> tuple[list[Pair], list[Finding]]:
    """Check every row; a row that cannot become a pair becomes a finding.

    A row without a split goes to ``train``. An image may occur in several rows: each is a pair, the second with the key ``<image>#2``, and
    so on; a row with the text and the class of an earlier one is left out.

    Args:
        finder: finds the images that rows name by a path.
        rows: the rows in the order of the source.
        class_needed: leave out rows without a class; otherwise their class is the empty text.
    """
    every = list(rows)
    made = _Made()
    some_split = any(isinstance(row, Row) and row.split for row in every)
    for row in every:
        if isinstance(row, Finding):
            made.findings.append(row)
        else:
            if some_split and not row.split:
                made.findings.append(Finding("missing split", row.place))
            _add(made, finder, row, class_needed)
    return list(made.pairs.values()), [*made.findings, *made.repeated()]


@dataclass
class _Made:
    """Pairs so far by key; the keys of each image; for each image and text, the keys by class."""

    pairs: dict[str, Pair] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    classes: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def repeated(self) -> Iterator[Finding]:
        for keys in self.keys.values():
            if len(keys) > 1:
                classes = len({self.pairs[key].label for key in keys})
                of = f" of {classes} classes" if classes > 1 else ""
                yield Finding("several texts", keys[0], f"{len(keys)} pairs{of}: {keys[0]} to {keys[-1]}")


def _add(made: _Made, finder: Finds, row: Row, class_needed: bool) -> None:
    """Add the pair of a row, or a finding that says why there is none."""
    split, label = SPLIT_NAMES.get((row.split or "train").strip().lower()), (row.label or "").strip()
    image: tuple[str, ImageSource] | Finding
    if split is None:
        image = Finding("unknown split", row.place, short(row.split))
    elif not label and class_needed:
        image = Finding("missing class", row.place, f"in the {split} split")
    else:
        image = _find_image(finder, row)
    if isinstance(image, Finding):
        made.findings.append(image)
        return
    text = as_written(row.text)
    name, source = image
    if isinstance(source, Path) and not f"/{source.as_posix()}".endswith(f"/{name}"):
        made.findings.append(Finding("repaired name", row.place, f"{short(name)} is {short(source.name)} on disk"))
    identity = image_identity(source)
    classes = made.classes.setdefault((identity, text), {})
    if label in classes:
        made.findings.append(Finding("duplicate row", row.place, f"the same as {classes[label]}"))
        return
    for other, key in classes.items():
        made.findings.append(Finding("contradicting class", row.place, f"{short(label)}; {short(other)} in {key}"))
    keys = made.keys.setdefault(identity, [])
    key, number = name, len(keys) + 1
    while key in made.pairs:
        key, number = f"{name}#{max(2, number)}", number + 1
    keys.append(key)
    classes[label] = key
    made.pairs[key] = Pair(
        key, source, text, label, str(split), scene_objects(row.regions, label, text), further=row.further
    )
    if not text:
        made.findings.append(Finding("missing text", key))


def as_written(text: str | None) -> str:
    """A text without spaces around it. Half a surrogate pair, as JSON may hold, can be neither tokenised nor written, and becomes "?"."""
    return (text or "").strip().encode("utf-8", "replace").decode()


def _find_image(finder: Finds, row: Row) -> tuple[str, ImageSource] | Finding:
    """Key and image, or a finding that says why there is none."""
    if isinstance(row.images, ImageReference):
        return row.key, row.images
    if isinstance(row.images, bytes):
        return (row.key, row.images) if row.images else Finding("missing image", row.place, "no bytes")
    found = finder.find(row.images)
    return replace(found, key=row.place) if isinstance(found, Finding) else found


def order_classes(pairs: Iterable[Pair], numbers: Mapping[str, int] | None = None) -> tuple[str, ...]:
    """Class names by number where the source numbers them all, or all are numbers; by name otherwise.

    Example:
        >>> pair = lambda label: Pair(f"{label}.png", b"x", "", label, "train")
        >>> order_classes([pair("10"), pair("9")])
        ('9', '10')
    """
    labels = sorted({pair.label for pair in pairs if pair.label})
    if numbers and all(label in numbers for label in labels):
        # A numbered class keeps its place even if no pair is left of it.
        return tuple(sorted(numbers, key=numbers.__getitem__))
    if labels and all(re.fullmatch(r"[+-]?\d+(\.\d+)?", label) for label in labels):
        return tuple(sorted(labels, key=float))
    return tuple(labels)


def scan_images(root: Path, folder: str) -> Iterator[str | Finding]:
    """POSIX paths, relative to ``root``, of all images under ``root/folder``, sorted; other files as findings.

    Hidden files are skipped; links to folders are not followed.
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
