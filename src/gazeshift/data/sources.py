"""A single entry point: whatever the layout on disk, ``load_pairs`` returns pairs in one form."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from gazeshift.data.addresses import Root, above, as_root, without_secrets
from gazeshift.data.class_folders import is_class_folders, read_class_folders
from gazeshift.data.columns import Columns
from gazeshift.data.findings import Finding, clipped, count_kinds
from gazeshift.data.grounded.coco import is_coco, read_coco
from gazeshift.data.grounded.cub import is_cub, read_cub
from gazeshift.data.grounded.flickr30k import is_flickr30k, read_flickr30k
from gazeshift.data.grounded.refcoco import is_refcoco, read_refcoco
from gazeshift.data.huggingface import HUB, is_saved, read_dataset
from gazeshift.data.labels import doubtful_classes
from gazeshift.data.layouts import (
    is_imagefolder,
    is_mmbt,
    is_table,
    read_imagefolder,
    read_mmbt,
    read_table,
    why_no_table,
)
from gazeshift.data.locate import Finder
from gazeshift.data.objects import with_objects
from gazeshift.data.pool import map_ahead
from gazeshift.data.regions.files import region_file, with_region_file
from gazeshift.data.remote_tables import read_remote_table, remote_tables, why_nothing
from gazeshift.data.rows import PairSet, Row, Source, order_classes, to_pairs
from gazeshift.data.shards import NoPaths, Shard, is_shards, read_shards, read_some, refuse_compressed, shards_of
from gazeshift.data.splits import with_test
from gazeshift.data.upmc import is_kaggle, is_texts_txt, read_kaggle, read_texts_txt
from gazeshift.errors import DataError, UsageError
from gazeshift.pairs import Pair
from gazeshift.registry import known_name

Place = TypeVar("Place", Path, str)


@dataclass(frozen=True)
class Format(Generic[Place]):
    """A layout, of paths or of addresses.

    Attributes:
        recognise: whether a root has this layout.
        read: its rows; only layouts with columns use the columns, and the roles whose column may be missing.
        looks_like: a few words for messages.
    """

    recognise: Callable[[Place], bool]
    read: Callable[[Place, Columns, Collection[str]], Source]
    looks_like: str


FORMATS: dict[str, Format[Path]] = {
    "datasets": Format(is_saved, read_dataset, "a folder that Hugging Face's datasets saved (save_to_disk)"),
    "upmc": Format(is_kaggle, lambda root, *_: Source(list(read_kaggle(root))), "texts/*_titles.csv and images/"),
    "imagefolder": Format(is_imagefolder, read_imagefolder, "metadata.csv or .jsonl next to the images"),
    "mmbt": Format(is_mmbt, read_mmbt, "train.jsonl, dev.jsonl, test.jsonl with img, text, label"),
    "coco": Format(
        is_coco, lambda root, *_: read_coco(root), "annotations/instances_*.json of COCO, with or without captions"
    ),
    "refcoco": Format(is_refcoco, lambda root, *_: read_refcoco(root), "refs(...).p and instances.json of RefCOCO"),
    "flickr30k": Format(
        is_flickr30k, lambda root, *_: read_flickr30k(root), "Sentences/ and Annotations/ of Flickr30k Entities"
    ),
    "cub": Format(
        is_cub, lambda root, *_: read_cub(root), "images.txt, bounding_boxes.txt and the other lists of CUB-200-2011"
    ),
    "table": Format(is_table, read_table, "a .csv, .tsv, .jsonl, .json or .parquet table"),
    "texts_txt": Format(
        is_texts_txt, lambda root, *_: Source(list(read_texts_txt(root))), "texts_txt/<class>/ and images/"
    ),
    "webdataset": Format(is_shards, read_shards, "tar shards: a folder of .tar, one .tar, or NAME-{000..009}.tar"),
    "folders": Format(
        is_class_folders,
        lambda root, *_: read_class_folders(root),
        "[<split>/]<class>/<picture> without texts, for what needs none",
    ),
}
"""Layouts on this machine by name, in the order in which ``auto`` tries them."""

WITHOUT_COLUMNS = {"upmc", "texts_txt", "folders", "coco", "refcoco", "flickr30k", "cub"}
"""Layouts that fix what is where."""

REMOTE: dict[str, Format[str]] = {
    "datasets": Format(lambda root: root.startswith(HUB), read_dataset, "hf://NAME, a data set on the hub"),
    "table": Format(lambda root: bool(remote_tables(root)[1].read), read_remote_table, FORMATS["table"].looks_like),
    "webdataset": Format(lambda root: bool(shards_of(root)), read_shards, FORMATS["webdataset"].looks_like),
}
"""The layouts that are also read at an address, likewise."""


def load_pairs(
    root: Root,
    format: str = "auto",
    *,
    image_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    region_column: str | None = None,
    regions: Mapping[str, str] | None = None,
    regions_file: str | None = None,
    further: Sequence[str] = (),
    test_fraction: float = 0.25,
    optional: Collection[str] = (),
) -> PairSet:
    """Read a data set in any known layout (docs/data.md). Images are not decoded.

    Nothing is dropped silently: what cannot become a pair is among the findings. An image without text is kept with the
    empty text. If a source has no splits at all, a test split is drawn (``splits.with_test``); if it has no classes either, all
    of it is the test split. A table named after a split is the whole of that split.

    Args:
        root: folder of the data set, a table file or tar shards, or an address of such (``s3://bucket/food``, ``hf://NAME``);
            ``~`` is the home folder.
        format: a key of ``FORMATS``, or ``auto``.
        image_column: image column of a table; not needed for usual names.
        text_column: likewise.
        label_column: likewise.
        split_column: likewise.
        region_column: likewise: where what the class names is, or a list of named regions.
        regions: columns of further regions by the name of the region.
        regions_file: a table of regions, one a row; by default ``regions.*`` in the root, if nothing else gives regions.
        further: columns of other texts of the pairs (``Pair.further_text``); an empty cell gives none.
        test_fraction: share of each class that becomes the test split if the source has none.
        optional: which of ``text`` and ``label`` may be missing: rows without a class are kept, with the empty text as their class.

    Raises:
        DataError: no such folder, no known layout, an unreadable table, or no pairs at all.
        UsageError: an unknown format, or columns named for a layout without columns.

    Example:
        >>> load_pairs(Path("no-such-folder"))
        Traceback (most recent call last):
        ...
        gazeshift.errors.DataError: no-such-folder: no such file or folder; give the data root.
    """
    root = as_root(root)
    named = tuple((regions or {}).items())
    columns = Columns(image_column, text_column, label_column, split_column, region_column, named, tuple(further))
    known_name(FORMATS, "table" if format == "auto" else format, "data format")
    if isinstance(root, Path):
        if not root.exists() and not is_shards(root):
            raise DataError(f"{root}: no such file or folder; give the data root.")
        name, source = _read(root, FORMATS, format, columns, optional)
    else:
        name, source = _read(root, REMOTE, format, columns, optional)
    return _to_pair_set(root, name, source, test_fraction, optional, regions_file)


def stream_pairs(
    root: Root, format: str, columns: Columns, split: str, optional: Collection[str] = ()
) -> Iterator[tuple[list[Pair], list[Finding]]] | None:
    """The pairs of tar shards, shard by shard: one is read ahead, so memory does not grow with their number. None for other layouts.

    What needs all pairs is left out: classes are those of the pairs, doubtful ones are not looked for, and no split is drawn.

    Args:
        root: as for ``load_pairs``.
        format: likewise.
        columns: columns by role.
        split: whose pairs are wanted; or ``all``.
        optional: as for ``load_pairs``.

    Raises:
        DataError: while they are read: as ``load_pairs``; or a sample does not say its split, and only one split is wanted.
    """
    root = as_root(root)
    formats: Mapping[str, Format] = FORMATS if isinstance(root, Path) else REMOTE
    if isinstance(root, Path) and not root.exists() and not is_shards(root):
        return None  # load_pairs says what is wrong
    name = _recognise(root, formats) if format == "auto" else format
    if name != "webdataset":
        return None

    def read(shard: Shard) -> tuple[list[Pair], list[Finding]]:
        source = read_some(shard.name, [shard], columns, optional)
        if split != "all" and any(row.split is None for row in source.rows if isinstance(row, Row)):
            raise DataError(
                f"{without_secrets(shard.place)}: says no split in its name (food-test-000.tar) or its samples; take the split all."
            )
        pairs, findings = to_pairs(NoPaths(), source.rows, class_needed="label" not in optional)
        return [pair for pair in pairs if split in {"all", pair.split}], findings

    return map_ahead(read, shards_of(root), workers=1, ahead=2)


def _read(
    root: Place, formats: Mapping[str, Format[Place]], format: str, columns: Columns, optional: Collection[str]
) -> tuple[str, Source]:
    """The layout of a root, and what it holds."""
    shown = without_secrets(root)
    name = _recognise(root, formats) if format == "auto" else format
    if name not in formats:
        raise UsageError(
            f"{shown}: the layout {name} is read from this machine only; at an address: {', '.join(formats)}."
        )
    if columns != Columns() and name in WITHOUT_COLUMNS:
        raise UsageError(f"{shown}: the layout {name} has no columns; leave the column options out.")
    if format != "auto" and not formats[name].recognise(root):
        raise DataError(f"{shown}: not in the layout {name}; it looks like {formats[name].looks_like}.")
    try:
        return name, formats[name].read(root, columns, optional)
    except OSError as error:
        raise DataError(f"{shown}: cannot be read ({without_secrets(error)}).") from error


def _recognise(root: Place, formats: Mapping[str, Format[Place]]) -> str:
    refuse_compressed(root)
    try:
        found = next((name for name, layout in formats.items() if layout.recognise(root)), None)
    except OSError as error:  # a folder that may not be read, say
        raise DataError(f"{without_secrets(root)}: cannot be read ({without_secrets(error)}).") from error
    if found is not None:
        return found
    if reason := why_no_table(root) if isinstance(root, Path) else why_nothing(root):
        raise DataError(f"{without_secrets(root)}: {reason}.")
    known = "; ".join(f"{name}: {layout.looks_like}" for name, layout in formats.items())
    raise DataError(f"{without_secrets(root)}: no known layout. Known: {known}.")


def _to_pair_set(
    root: Root, name: str, source: Source, test_fraction: float, optional: Collection[str], regions_file: str | None
) -> PairSet:
    folder = above(root) if isinstance(root, Path) and not root.is_dir() else root
    finder = source.finder or (Finder(folder) if isinstance(folder, Path) else NoPaths())
    pairs, findings = to_pairs(finder, source.rows, class_needed="label" not in optional)
    if not pairs:
        counted = ", ".join(f"{count} x {kind}" for kind, count in count_kinds(findings).items()) or "it is empty"
        first = f" First: {findings[0].key} {findings[0].detail}".rstrip() if findings else ""
        raise DataError(f"{without_secrets(root)}: no usable pair in the layout {name} ({counted}).{first}")
    notes = list(source.notes)
    if all(row.split is None for row in source.rows if isinstance(row, Row)):
        pairs, note = _drawn(pairs, test_fraction)
        notes.append(note)
    classes = order_classes(pairs, (_class_index(folder) if isinstance(folder, Path) else None) or source.numbers)
    pairs, lost, said = _with_regions(folder, pairs, regions_file)
    notes += said
    trained = {pair.label for pair in pairs if pair.split == "train"}
    empty = [Finding("empty class", clipped(label)) for label in classes if label not in trained]
    doubtful = doubtful_classes(Counter(pair.label for pair in pairs if pair.label))
    return PairSet(
        root if isinstance(root, Path) else without_secrets(root),
        name,
        tuple(pairs),
        classes,
        (*findings, *lost, *empty, *doubtful),
        tuple(notes),
    )


def _with_regions(
    folder: Root, pairs: list[Pair], file: str | None
) -> tuple[list[Pair], list[Finding], tuple[str, ...]]:
    """The pairs with what files beside them say of regions, what is wrong with those, and a note where there was a choice."""
    if not isinstance(folder, Path):
        if file is not None:
            raise UsageError(
                f"{without_secrets(folder)}: a table of regions is read on this machine only; download it."
            )
        return pairs, [], ()
    pairs, findings = with_objects(folder, pairs)
    there = region_file(folder)
    if file is None and (there is None or any(pair.has_regions for pair in pairs)):
        return (
            pairs,
            findings,
            (f"{there} is not read: the pairs have regions; add it as regions_file",) if there else (),
        )
    table = file or str(there)
    pairs, more = with_region_file(folder, pairs, table)
    return pairs, [*findings, *more], (f"regions of {table}",)


def _drawn(pairs: list[Pair], fraction: float) -> tuple[list[Pair], str]:
    """The pairs of a source without splits, now with splits, and a note that says how they were drawn."""
    if not any(pair.label for pair in pairs):
        return [
            replace(pair, split="test") for pair in pairs
        ], "there are neither splits nor classes: all pairs are test pairs"
    split = with_test(pairs, fraction)
    count = sum(pair.split == "test" for pair in split)
    return (
        split,
        f"there are no splits: {count:,} of {len(split):,} pairs, {fraction:.0%} of each class, are drawn as test pairs",
    )


def _class_index(folder: Path) -> dict[str, int] | None:
    """Class numbers from ``class_idx.json``, which ViLT's UPMC Food-101 includes."""
    path = folder / "class_idx.json"
    if not path.is_file():
        return None
    try:
        numbers = {str(name): int(number) for name, number in json.loads(path.read_bytes()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path.name}: not a JSON object of class name: number ({str(error)[:100]}).") from error
    if len(set(numbers.values())) < len(numbers):
        raise DataError(f"{path.name}: two classes have the same number; give each its own.")
    return numbers
