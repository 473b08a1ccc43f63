"""From the data settings to pairs in splits: read, masked, de-duplicated, limited, split; the same every time."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from gazeshift.data.addresses import Root, as_root, without_secrets
from gazeshift.data.columns import Columns
from gazeshift.data.contents import fingerprint
from gazeshift.data.findings import Finding, count_kinds
from gazeshift.data.fitness import obstacles
from gazeshift.data.further import with_further_file
from gazeshift.data.known import with_known
from gazeshift.data.loader import CONTENTS
from gazeshift.data.plates import PlatesConfig, write
from gazeshift.data.sources import load_pairs, stream_pairs
from gazeshift.data.splits import limit, with_validation
from gazeshift.data.table_files import listed
from gazeshift.data.titles import drop_repeated_titles, mask_class_names
from gazeshift.errors import DataError
from gazeshift.json_types import Json
from gazeshift.pairs import Pair
from gazeshift.study.sections import ColumnConfig, DataConfig

T = TypeVar("T")

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Pairs:
    """The pairs of a study.

    Attributes:
        root: where they were read.
        format: the layout.
        splits: pairs of each split.
        classes: class names in order.
        findings: everything that was repaired or left out.
        fingerprint: fingerprint of all pairs as used.
        ceiling: by split, the highest accuracy possible from the image alone, where the data say so (Plates, mosaics); else empty.
        notes: choices made while reading that lose nothing.
    """

    root: Root
    format: str
    splits: dict[str, tuple[Pair, ...]]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]
    fingerprint: str
    ceiling: dict[str, float]
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> list[Pair]:
        """All pairs, split by split."""
        return [pair for split in SPLITS for pair in self.splits[split]]

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each kind."""
        return count_kinds(self.findings)


def plates_config(settings: Json) -> PlatesConfig:
    """The settings of the Plates data set that a study writes."""
    return PlatesConfig.from_dict(settings)


def write_plates(settings: Json, root: Path, workers: int) -> None:
    """Write the Plates data set of a study; does nothing if it exists."""
    write(plates_config(settings), root, workers)


def read_pairs(
    data: DataConfig,
    root: Root,
    needed: Sequence[str] = SPLITS,
    *,
    classes: Sequence[str] | None = None,
    optional: Collection[str] = (),
    reads_text: bool = True,
    cache: Path | None = None,
    columns: Sequence[ColumnConfig] = (),
) -> Pairs:
    """Read and select the pairs of a study.

    Args:
        data: the settings.
        root: where the data are (for a Plates study, where they were written), a path or an address; ``~`` is the home folder.
        needed: splits that must not be empty.
        classes: class names that ``data.mask_class_names`` masks; None: those of the data.
        optional: which of ``text`` and ``label`` may be missing (``load_pairs``).
        reads_text: whether a model reads the texts, so that some are needed.
        cache: folder that caches the digests of images, so that they are read once.
        columns: changed texts that the data bring along (``Pair.further``). They do not count in the fingerprint.

    Raises:
        DataError: nothing usable, no changed text in one of the columns or no region that it refers to, or too few pairs (``obstacles``).
    """
    root = as_root(root)
    found = load_pairs(
        root,
        data.format,
        image_column=data.image_column,
        text_column=data.text_column,
        label_column=data.label_column,
        split_column=data.split_column,
        region_column=data.region_column,
        regions=data.regions,
        regions_file=data.regions_file,
        further=[each.column for each in columns if each.file is None],
        optional=optional,
    )
    pairs, dropped = _with_files(found.root, found.pairs, columns)
    if data.drop_repeated_titles:
        pairs, repeated = drop_repeated_titles(pairs)
        dropped += repeated
    pairs, notes = with_validation(pairs, data.validation), found.notes
    if data.limit is not None:
        before, pairs = len(pairs), limit(pairs, data.limit)
        notes = (*notes, f"data.limit keeps {len(pairs):,} of {before:,} pairs, {data.limit} of each class and split")
    if data.mask_class_names:
        masked = found.classes if classes is None else classes
        pairs = [_masked(pair, masked) for pair in pairs]
    pairs, ceiling = with_known(root, pairs)
    findings = (*found.findings, *dropped)
    refuse_unfit(found.root, pairs, findings, needed=needed, reads_text=reads_text)
    splits = {split: tuple(pair for pair in pairs if pair.split == split) for split in SPLITS}
    known = cache / CONTENTS if cache is not None else None
    digest = fingerprint(pairs, known, data.workers)
    return Pairs(found.root, found.format, splits, found.classes, findings, digest, ceiling, notes)


def stream_split(
    data: DataConfig, root: Root, split: str, classes: Sequence[str], optional: Collection[str], found: Counter[str]
) -> Iterator[Pair] | None:
    """The pairs of a split one after the other, where the data can be read so (tar shards) and no setting needs all of them; else None.

    Args:
        data: the settings.
        root: where the data are.
        split: a split, or ``all``.
        classes: class names that ``data.mask_class_names`` masks.
        optional: which of ``text`` and ``label`` may be missing.
        found: findings are counted here by kind, as they are found.
    """
    columns = Columns(data.image_column, data.text_column, data.label_column, data.split_column)
    shards = stream_pairs(root, data.format, columns, split, optional)
    if shards is None:
        return None

    def pairs() -> Iterator[Pair]:
        for some, findings in shards:
            found.update(count_kinds(findings))
            for pair in some:
                yield _masked(pair, classes) if data.mask_class_names else pair

    return pairs()


def _masked(pair: Pair, classes: Sequence[str]) -> Pair:
    further = tuple((column, mask_class_names(text, classes)) for column, text in pair.further)
    return replace(pair, text=mask_class_names(pair.text, classes), further=further)


def _with_files(root: Root, pairs: Sequence[Pair], columns: Sequence[ColumnConfig]) -> tuple[list[Pair], list[Finding]]:
    """The pairs with the changed texts of files of their own; every column must have one for some pair."""
    every, findings = list(pairs), list[Finding]()
    for each in columns:
        if each.file is not None:
            if not isinstance(root, Path):
                raise DataError(f"{each.file}: changed texts in a file of their own are for data on this machine.")
            every, found = with_further_file(root, every, each.file, each.column)
            findings += found
        if not any(pair.further_text(each.column) for pair in every):
            raise DataError(
                f"{each.file or without_secrets(root)}: no pair has a changed text in the column {each.column!r}."
            )
        _refuse_unknown_region(every, each)
    return every, findings


def _refuse_unknown_region(pairs: Sequence[Pair], column: ColumnConfig) -> None:
    """A region that texts are said to speak of must be known for one of them, or nothing of what they name would be measured."""
    told = [pair for pair in pairs if pair.further_text(column.column)]
    names = {each.name for pair in told for each in pair.objects}
    if column.refers is None or column.refers.casefold() in {name.casefold() for name in names}:
        return
    known = (
        f"those of these pairs are {listed(sorted(names))}" if names else "these pairs have no regions (data.regions)"
    )
    raise DataError(
        f"explain.edits: the texts of the column {column.column!r} are said to refer to {column.refers!r}, but no pair with such a text "
        f"has a region of this name; {known}."
    )


def refuse_unfit(
    root: Root,
    pairs: Sequence[Pair],
    findings: Sequence[Finding],
    *,
    needed: Sequence[str] = SPLITS,
    reads_text: bool = True,
) -> None:
    """Raise what ``gazeshift data check`` finds against a study of these pairs (``gazeshift.data.fitness.obstacles``).

    Raises:
        DataError: the first obstacle, with the root.
    """
    if found := obstacles(pairs, findings, needed=needed, reads_text=reads_text):
        raise DataError(f"{root}: {found[0].detail}. See: gazeshift data check {root}")


def evenly(pairs: Sequence[T], count: int | None) -> list[T]:
    """At most ``count`` pairs (or whatever it is), spread evenly over the given order (which is by class in most sources)."""
    if count is None or count >= len(pairs):
        return list(pairs)
    return [pairs[index * len(pairs) // count] for index in range(count)]
