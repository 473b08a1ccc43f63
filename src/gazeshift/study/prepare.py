"""From the data settings to pairs in splits: read, masked, de-duplicated, limited, split; the same every time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gazeshift.data.findings import Finding, count_kinds
from gazeshift.data.plates import PlatesConfig, write
from gazeshift.data.plates.captions_of_pairs import is_plates, with_captions
from gazeshift.data.sources import fingerprint, load_pairs
from gazeshift.data.splits import limit, with_validation
from gazeshift.data.titles import drop_repeated_titles, mask_class_names
from gazeshift.errors import DataError
from gazeshift.pairs import Pair
from gazeshift.study.config import DataConfig

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
        fingerprint: of all pairs as used.
        facts: what a Plates root says of itself (its ceiling); empty elsewhere.
    """

    root: Path
    format: str
    splits: dict[str, tuple[Pair, ...]]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]
    fingerprint: str
    facts: dict[str, Any]

    @property
    def all(self) -> list[Pair]:
        """All pairs, split by split."""
        return [pair for split in SPLITS for pair in self.splits[split]]

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each kind."""
        return count_kinds(self.findings)


def plates_config(settings: dict[str, Any]) -> PlatesConfig:
    """The settings of the Plates data set that a study writes."""
    return PlatesConfig.from_dict(settings)


def write_plates(settings: dict[str, Any], root: Path, workers: int) -> None:
    """Write the Plates data set of a study; nothing happens if it is there."""
    write(plates_config(settings), root, workers)


def read_pairs(data: DataConfig, root: Path, needed: Sequence[str] = SPLITS) -> Pairs:
    """Read and select the pairs of a study.

    Args:
        data: the settings.
        root: where the data are (for a Plates study, where they were written).
        needed: splits that must hold a pair.

    Raises:
        DataError: nothing usable, or a split without a pair.
    """
    found = load_pairs(
        root,
        data.format,
        image_column=data.image_column,
        text_column=data.text_column,
        label_column=data.label_column,
        split_column=data.split_column,
    )
    pairs, dropped = list(found.pairs), list[Finding]()
    if data.drop_repeated_titles:
        pairs, dropped = drop_repeated_titles(pairs)
    pairs = with_validation(pairs, data.validation)
    if data.limit is not None:
        pairs = limit(pairs, data.limit)
    if data.mask_class_names:
        pairs = [replace(pair, text=mask_class_names(pair.text, found.classes)) for pair in pairs]
    facts: dict[str, Any] = {}
    if is_plates(root):
        pairs = with_captions(root, pairs)
        facts = {"ceiling": json.loads((root / "plates.json").read_text(encoding="utf-8"))["image_only_ceiling"]}
    splits = {split: tuple(pair for pair in pairs if pair.split == split) for split in SPLITS}
    for split in needed:
        if not splits[split]:
            raise DataError(f"{root}: no pair is left in the {split} split{_way_out(split, data)}.")
    return Pairs(root, found.format, splits, found.classes, (*found.findings, *dropped), fingerprint(pairs), facts)


def _way_out(split: str, data: DataConfig) -> str:
    if split == "validation":
        return (
            "; it comes out of the training pairs, two or more of a class: give more pairs, or a larger data.validation"
        )
    return (
        "; data.limit or data.drop_repeated_titles may have left none"
        if data.limit or data.drop_repeated_titles
        else ""
    )


def evenly(pairs: Sequence[T], count: int | None) -> list[T]:
    """At most ``count`` pairs (or whatever it is), spread evenly over the given order (which is by class in most sources)."""
    if count is None or count >= len(pairs):
        return list(pairs)
    return [pairs[index * len(pairs) // count] for index in range(count)]
