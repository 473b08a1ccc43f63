"""CUB-200-2011: birds with boxes, outlines and parts, and the captions that Reed et al. collected for them."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from gazeshift.data.findings import Finding
from gazeshift.data.regions.scene import Region
from gazeshift.data.regions.shapes import Box, Disc, MaskImage
from gazeshift.data.rows import Row, Source, decode_text
from gazeshift.errors import DataError
from gazeshift.pairs import Shape

PART_RADIUS = 0.1
"""Radius of a part round its point, as a share of the longer side of the bird's box."""
_CAPTIONS = ("text_c10", "text", "captions")


def is_cub(root: Path) -> bool:
    """Whether a folder holds ``images.txt``, ``image_class_labels.txt`` and ``bounding_boxes.txt``."""
    return all((root / name).is_file() for name in ("images.txt", "image_class_labels.txt", "bounding_boxes.txt"))


def read_cub(root: Path) -> Source:
    """A row for each caption (``text_c10/<class>/<image>.txt``, a line each), or one without text.

    The bird is the region that its class names: its outline (``segmentations/``), failing that its box. Its visible parts are regions of
    their own: discs round the points that were clicked, with a radius of ``PART_RADIUS``.

    Wah et al., "The Caltech-UCSD Birds-200-2011 dataset", 2011; Reed et al., "Learning deep representations of fine-grained visual
    descriptions", 2016.

    Raises:
        DataError: a list that cannot be read.
    """
    images, labels, boxes = (
        _table(root, name) for name in ("images.txt", "image_class_labels.txt", "bounding_boxes.txt")
    )
    classes = _table(root, "classes.txt")
    training = _table(root, "train_test_split.txt") if (root / "train_test_split.txt").is_file() else {}
    parts = _parts(root, boxes)
    rows: list[Row | Finding] = []
    for number, (path,) in images.items():
        try:
            label = _spoken(classes[labels[number][0]][0])
            split = ("train" if training[number][0] == "1" else "test") if training else None
            bird = Region(label, (_outline(root, path, boxes[number]),), referred=True)
        except (KeyError, IndexError, ValueError) as error:
            rows.append(Finding("unreadable row", f"images.txt: {number}", f"{path}: {error}"))
            continue
        texts, repaired = _captions(root, path)
        rows += repaired
        rows += (
            Row(
                f"images.txt: {number}",
                (f"images/{path}", path),
                text,
                label,
                split,
                "",
                (bird, *parts.get(number, ())),
            )
            for text in texts or (None,)
        )
    return Source(rows, numbers={_spoken(name): int(number) for number, (name, *_) in classes.items()})


def _outline(root: Path, path: str, box: list[str]) -> Shape:
    mask = (root / "segmentations" / path).with_suffix(".png")
    if mask.is_file():
        return MaskImage(mask)
    left, top, width, height = map(float, box)
    return Box(left, top, left + width, top + height)


def _parts(root: Path, boxes: Mapping[str, list[str]]) -> Mapping[str, tuple[Region, ...]]:
    """The visible parts of each bird."""
    if not (root / "parts" / "part_locs.txt").is_file():
        return {}
    names = _table(root, "parts/parts.txt")
    found: dict[str, tuple[Region, ...]] = defaultdict(tuple)
    try:
        for line in (root / "parts" / "part_locs.txt").read_text(encoding="utf-8").splitlines():
            number, part, x, y, visible = line.split()
            if visible == "1":
                radius = PART_RADIUS * max(map(float, boxes[number][2:]))
                found[number] += (Region(" ".join(names[part]), (Disc(float(x), float(y), radius),)),)
    except (KeyError, ValueError) as error:
        raise DataError(f"parts/part_locs.txt: cannot be read ({type(error).__name__}: {error}).") from error
    return found


def _captions(root: Path, path: str) -> tuple[list[str], list[Finding]]:
    for folder in _CAPTIONS:
        file = (root / folder / path).with_suffix(".txt")
        if file.is_file():
            text, repaired = decode_text(file.read_bytes(), f"{folder}/{path}")
            return [" ".join(line.split()) for line in text.splitlines() if line.strip()], repaired
    return [], []


def _table(root: Path, name: str) -> dict[str, list[str]]:
    """The fields of each line by its first field."""
    try:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: cannot be read ({error}).") from error
    return {fields[0]: fields[1:] for line in lines if (fields := line.split()) and len(fields) > 1}


def _spoken(name: str) -> str:
    """A class as people say it.

    Example:
        >>> _spoken("001.Black_footed_Albatross")
        'Black footed Albatross'
    """
    number, dot, rest = name.partition(".")
    return (rest if dot and number.isdigit() else name).replace("_", " ")
