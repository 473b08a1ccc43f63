"""RefCOCO, RefCOCO+ and RefCOCOg: phrases that pick one object out of a picture of COCO."""

import io
import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from gazeshift.data.cells import CellError
from gazeshift.data.findings import Finding
from gazeshift.data.grounded.coco import annotated, read_json
from gazeshift.data.regions.scene import Region
from gazeshift.data.rows import Row, Source
from gazeshift.errors import DataError
from gazeshift.json_types import Json

_SPLITS = {"testA": "test", "testB": "test"}
_FOLDERS = ("", "images/", "train2014/", "images/train2014/", "images/mscoco/images/train2014/")


def is_refcoco(root: Path) -> bool:
    """Whether a folder holds ``refs(...).p`` (or ``refs.json``) and ``instances.json``."""
    return root.is_dir() and (root / "instances.json").is_file() and _references(root) is not None


def read_refcoco(root: Path) -> Source:
    """A row for each sentence; its class is the kind of the object that it picks out, and the picture's other objects are regions, too.

    ``testA`` and ``testB`` are the test split.

    Yu et al., "Modeling context in referring expressions", 2016.

    Raises:
        DataError: a file that cannot be read, or that is a pickle of anything but plain values.
    """
    instances = read_json(root / "instances.json")
    path = _references(root)
    references = _unpickled(path) if path is not None and path.suffix == ".p" else read_json(Path(str(path)))
    try:
        return Source(list(_rows(instances, references)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{root}: not RefCOCO's files ({type(error).__name__}: {str(error)[:80]}).") from error


def _rows(instances: Json, references: Sequence[Json]) -> Iterator[Row | Finding]:
    names = {int(each["id"]): str(each["name"]) for each in instances["categories"]}
    files = {int(each["id"]): str(each["file_name"]) for each in instances["images"]}
    there: Mapping[int, list[Json]] = defaultdict(list)
    for each in instances["annotations"]:
        there[int(each["image_id"])].append(each)
    for reference in references:
        place, image = f"ref {reference['ref_id']}", int(reference["image_id"])
        label = names[int(reference["category_id"])]
        regions, unread = _regions(place, there[image], int(reference["ann_id"]), names)
        yield from unread
        file = files.get(image, "")
        split = _SPLITS.get(str(reference["split"]), str(reference["split"]))
        for sentence in reference["sentences"]:
            places = tuple(f"{folder}{file}" for folder in _FOLDERS) if file else ()
            yield Row(place, places, str(sentence.get("raw") or sentence["sent"]), label, split, "", tuple(regions))


def _regions(
    place: str, annotations: Sequence[Json], meant: int, names: Mapping[int, str]
) -> tuple[list[Region], list[Finding]]:
    """The object that is meant, then the others, where those of its kind are other things than it; and what cannot be read."""
    kinds = {int(each["id"]): names[int(each["category_id"])] for each in annotations}
    if meant not in kinds:
        return [], [Finding("corrupt mask", place, f"no annotation of its image has the number {meant}")]
    regions, unread = list[Region](), list[Finding]()
    for each in sorted(annotations, key=lambda each: int(each["id"]) != meant):
        number = int(each["id"])
        name = f"other {kinds[meant]}" if number != meant and kinds[number] == kinds[meant] else kinds[number]
        try:
            region, _ = annotated(each, name)
        except CellError as error:
            unread.append(Finding("corrupt mask", place, f"annotation {number}: {error}"))
            continue
        regions.append(replace(region, referred=number == meant))
    return regions, unread


def _references(root: Path) -> Path | None:
    found = [*sorted(root.glob("refs*.p")), *sorted(root.glob("refs*.json"))]
    return found[0] if found else None


class _PlainValues(pickle.Unpickler):
    """Reads numbers, texts, lists and mappings; a pickle that names anything else could run whatever it wants."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it holds {module}.{name}")


def _unpickled(path: Path) -> Any:
    try:
        return _PlainValues(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except Exception as error:  # what a damaged pickle raises is not bounded
        raise DataError(f"{path.name}: not a pickle of plain values ({str(error)[:80]}).") from error
