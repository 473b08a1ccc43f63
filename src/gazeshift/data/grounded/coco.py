"""COCO's JSON: instances with outlines, and the captions of the same pictures."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeshift.data.cells import CellError
from gazeshift.data.findings import Finding
from gazeshift.data.regions.cells import as_shapes
from gazeshift.data.regions.scene import Region
from gazeshift.data.rows import SPLIT_NAMES, Row, Source
from gazeshift.errors import DataError
from gazeshift.json_types import Json

_NAMES = ("instances_*.json", "*coco*.json")


@dataclass(frozen=True)
class Instances:
    """One file of instances.

    Attributes:
        path: where it is.
        set_name: ``val2017`` of ``instances_val2017.json``, or the folder of ``_annotations.coco.json``.
        images: of each picture its number and file name.
        regions: of each picture its regions and their areas.
        findings: annotations that cannot be read.
    """

    path: Path
    set_name: str
    images: Mapping[int, str]
    regions: Mapping[int, Sequence[tuple[Region, float]]]
    findings: tuple[Finding, ...]

    @property
    def split(self) -> str | None:
        """The split that its name says."""
        return next((split for name, split in SPLIT_NAMES.items() if self.set_name.lower().startswith(name)), None)


def is_coco(root: Path) -> bool:
    """Whether a root is a file of COCO's instances, or a folder with ``annotations/instances_*.json`` or ``*/_annotations.coco.json``."""
    return bool(_files(root))


def read_coco(root: Path) -> Source:
    """A row for each caption of each picture with an annotated object (without captions: one without text).

    The class is the kind of object that covers most of the picture; objects of one kind are one region. Where no file is a test split,
    that of validation is taken for it.

    Lin et al., "Microsoft COCO: common objects in context", 2014.
    """
    files = [read_instances(path) for path in _files(root)]
    splits = {file.split for file in files}
    as_test = "test" not in splits and "validation" in splits
    notes = ["the class of a picture is the kind of object that covers most of it"]
    notes += ["the validation files are the test split"] if as_test else []
    rows: list[Row | Finding] = []
    for file in files:
        rows += file.findings
        split = "test" if as_test and file.split == "validation" else file.split
        rows += _rows(root, file, split, _captions(file))
    return Source(rows, notes=tuple(notes))


def read_instances(path: Path) -> Instances:
    """The pictures and regions of one file.

    Raises:
        DataError: it is not COCO's JSON.
    """
    whole = read_json(path)
    try:
        names = {int(each["id"]): str(each["name"]) for each in whole["categories"]}
        images = {int(each["id"]): str(each["file_name"]) for each in whole["images"]}
        regions: dict[int, list[tuple[Region, float]]] = defaultdict(list)
        findings = []
        for each in whole["annotations"]:
            place = f"{path.name}: annotation {each.get('id')}"
            try:
                name = names[int(each["category_id"])]
                region, area = annotated(each, name)
            except CellError as error:
                findings.append(Finding("corrupt mask", place, str(error)))
                continue
            if int(each["image_id"]) not in images:
                findings.append(Finding("stray region", place, f"no image has the number {each['image_id']}"))
                continue
            regions[int(each["image_id"])].append((region, area))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path.name}: not COCO's JSON of instances ({type(error).__name__}: {str(error)[:80]})."
        ) from error
    stem = path.stem.removeprefix("instances_")
    return Instances(path, path.parent.name if stem.startswith("_") else stem, images, regions, tuple(findings))


def annotated(annotation: Json, name: str) -> tuple[Region, float]:
    """One annotation as a region, and its area in pixels: its outline or run lengths, failing those its box.

    Raises:
        CellError: it has neither, or they cannot be read.
    """
    for column in ("segmentation", "bbox"):
        if shapes := as_shapes(annotation.get(column), column, _no_masks):
            box = annotation.get("bbox") or (0, 0, 0, 0)
            return Region(name, shapes), float(annotation.get("area") or box[2] * box[3])
    raise CellError("neither segmentation nor bbox")


def _no_masks(path: str) -> Path:
    raise CellError(f"{path[:30]!r} instead of polygons, run lengths or a box")


def _rows(root: Path, file: Instances, split: str | None, captions: Mapping[int, Sequence[str]]) -> Iterator[Row]:
    folder = root if root.is_dir() else root.parent
    near = file.path.parent.relative_to(folder).as_posix()
    for number, name in file.images.items():
        if not file.regions.get(number):
            continue
        covered: dict[str, float] = defaultdict(float)
        for region, area in file.regions[number]:
            covered[region.name] += area
        label = max(covered, key=covered.__getitem__)
        regions = tuple(region for region, _ in file.regions[number])
        places = (f"{file.set_name}/{name}", f"images/{file.set_name}/{name}", f"images/{name}", name, f"{near}/{name}")
        for text in captions.get(number) or (None,):
            yield Row(f"{file.path.name}: image {number}", places, text, label, split, "", regions)


def _captions(file: Instances) -> Mapping[int, Sequence[str]]:
    path = file.path.with_name(file.path.name.replace("instances_", "captions_"))
    if path == file.path or not path.is_file():
        return {}
    found: dict[int, list[str]] = defaultdict(list)
    try:
        for each in read_json(path)["annotations"]:
            found[int(each["image_id"])].append(" ".join(str(each["caption"]).split()))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path.name}: not COCO's JSON of captions ({type(error).__name__}: {str(error)[:80]})."
        ) from error
    return found


def read_json(path: Path) -> Any:
    """The contents of a JSON file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name}: cannot be read as JSON ({str(error)[:80]}).") from error


def _files(root: Path) -> list[Path]:
    if root.is_file():
        return [root] if any(root.match(pattern) for pattern in _NAMES) else []
    folders = [root / "annotations", *sorted(path for path in root.glob("*/") if path.name.lower() in SPLIT_NAMES)]
    return [path for folder in folders for pattern in _NAMES for path in sorted(folder.glob(pattern))]
