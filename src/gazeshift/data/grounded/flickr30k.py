"""Flickr30k Entities: captions whose noun phrases are linked to boxes."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from gazeshift.data.findings import Finding
from gazeshift.data.regions.scene import Region
from gazeshift.data.regions.shapes import Box
from gazeshift.data.rows import SPLITS, Row, Source, decode_text

_PHRASE = re.compile(r"\[/EN#(?P<entity>\d+)/(?P<kinds>\S+) (?P<words>[^\]]*)\]")
_FOLDERS = ("flickr30k-images/", "flickr30k_images/", "images/", "")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_LISTS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a caption.

    Attributes:
        entity: number of what it names; the same in all captions of a picture.
        kind: ``people``, ``clothing``, ``bodyparts``, ``animals``, ``vehicles``, ``instruments``, ``scene`` or ``other``.
        words: its words.
    """

    entity: str
    kind: str
    words: str


def is_flickr30k(root: Path) -> bool:
    """Whether a folder holds ``Sentences/*.txt`` and ``Annotations/``."""
    return (root / "Annotations").is_dir() and next((root / "Sentences").glob("*.txt"), None) is not None


def read_flickr30k(root: Path) -> Source:
    """A row for each caption; its class is the kind of the first phrase that has a box.

    The text refers to what its own phrases name; what only other captions of the picture name is a region, too. The splits are those of
    ``train.txt``, ``val.txt`` and ``test.txt``, where they are there.

    Plummer et al., "Flickr30k Entities: collecting region-to-phrase correspondences for richer image-to-sentence models", 2015.
    """
    splits = dict(_splits(root))
    rows: list[Row | Finding] = []
    for path in sorted((root / "Sentences").glob("*.txt")):
        rows += _rows(root, path, splits.get(path.stem) if splits else None)
    return Source(rows, notes=("the class of a caption is the kind of its first phrase that has a box",))


def parse_caption(line: str) -> tuple[str, tuple[Phrase, ...]]:
    """A caption without its marks, and its phrases.

    Example:
        >>> text, (dog,) = parse_caption("[/EN#7/animals A dog] sleeps .")
        >>> text, dog.entity, dog.kind, dog.words
        ('A dog sleeps .', '7', 'animals', 'A dog')
    """
    found = tuple(Phrase(each["entity"], each["kinds"].split("/")[0], each["words"]) for each in _PHRASE.finditer(line))
    return " ".join(_PHRASE.sub(lambda each: each["words"], line).split()), found


def _rows(root: Path, path: Path, split: str | None) -> Iterator[Row | Finding]:
    boxes, findings = _boxes(root / "Annotations" / f"{path.stem}.xml")
    content, repaired = decode_text(path.read_bytes(), f"Sentences/{path.name}")
    yield from (*findings, *repaired)
    captions = [parse_caption(line) for line in content.splitlines() if line.strip()]
    names: dict[str, str] = {}
    for _, phrases in captions:
        for phrase in phrases:
            names.setdefault(phrase.entity, phrase.words)
    places = tuple(f"{folder}{path.stem}.jpg" for folder in _FOLDERS)
    for number, (text, phrases) in enumerate(captions, start=1):
        own = {phrase.entity: phrase.words for phrase in phrases}
        regions = tuple(
            Region(own.get(entity, name), boxes[entity], own.get(entity, name), "", entity in own)
            for entity, name in names.items()
            if entity in boxes
        )
        kind = next((phrase.kind for phrase in phrases if phrase.entity in boxes), "")
        yield Row(f"Sentences/{path.name}:{number}", places, text, kind, split, "", regions)


def _boxes(path: Path) -> tuple[Mapping[str, tuple[Box, ...]], Sequence[Finding]]:
    """The boxes of each entity of a picture."""
    place = f"Annotations/{path.name}"
    found: dict[str, tuple[Box, ...]] = defaultdict(tuple)
    try:
        content = path.read_bytes()
        if b"<!" in content.replace(b"<!--", b""):
            return {}, [Finding("corrupt mask", place, "it defines entities of its own, which is refused")]
        for each in ElementTree.fromstring(content).iter("object"):  # noqa: S314  what makes XML dangerous is refused above
            box = each.find("bndbox")
            if box is not None:
                left, top, right, bottom = (float(box.findtext(name) or "nan") for name in _CORNERS)
                for name in each.findall("name"):
                    found[str(name.text)] += (Box(left, top, right, bottom),)
    except (OSError, ElementTree.ParseError, ValueError) as error:
        return {}, [Finding("corrupt mask", place, str(error))]
    return found, []


def _splits(root: Path) -> Iterator[tuple[str, str]]:
    for split in SPLITS:
        path = root / f"{_LISTS[split]}.txt"
        if path.is_file():
            yield from ((name, split) for name in path.read_text(encoding="utf-8").split())
