"""Check every image and every title of a data set, and report what is wrong."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_low

from pydantic import TypeAdapter

from gazeshift.data.contents import fingerprint
from gazeshift.data.decode import MAX_PIXELS, content_of, decode
from gazeshift.data.findings import Finding, count_kinds
from gazeshift.data.fitness import obstacles
from gazeshift.data.pool import Progress, map_ordered
from gazeshift.data.regions.check import RegionCounts, count_regions, look_at_regions, shared_masks
from gazeshift.data.rows import SPLITS, PairSet
from gazeshift.data.splits import with_validation
from gazeshift.data.titles import normalise_title, share_with_class_name
from gazeshift.errors import ImageError
from gazeshift.json_types import Json
from gazeshift.pairs import Pair


@dataclass(frozen=True)
class Audit:
    """The contents of a data set and its problems.

    Attributes:
        root: the data root as given.
        format: the layout.
        fingerprint: ``contents.fingerprint`` of all pairs.
        pairs: number of pairs per split.
        classes: class name -> number per split, in class order.
        balance: split -> pairs of its smallest class divided by pairs of its largest, in [0, 1].
        image_sides: smallest, median and largest short side in pixels, of the images that can be decoded.
        title_contains_class: share of all titles that contain their class name; None without titles.
        title_contains_class_by_split: the same per split.
        titles_repeated: split -> pairs whose title an earlier pair of the same split has.
        titles_shared_train_test: number of different titles that occur in both training (validation included) and test.
        test_pairs_with_training_title: number of test pairs with such a title.
        findings: everything that was repaired, left out or found wrong, and why these pairs could not be studied (``fitness.obstacles``).
            Repeated titles are counted above and are not findings: whether they are a defect depends on the use
            (``titles.drop_repeated_titles``).
        notes: choices made while reading that lose nothing.
        regions: the known regions in numbers; None if there are none.
    """

    root: str
    format: str
    fingerprint: str
    pairs: dict[str, int]
    classes: dict[str, dict[str, int]]
    balance: dict[str, float]
    image_sides: tuple[int, int, int] | None
    title_contains_class: float | None
    title_contains_class_by_split: dict[str, float | None]
    titles_repeated: dict[str, int]
    titles_shared_train_test: int
    test_pairs_with_training_title: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    regions: RegionCounts | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each kind."""
        return count_kinds(self.findings)

    def to_dict(self) -> Json:
        """All of it for JSON, with ``counts``."""
        return {**asdict(self), "counts": self.counts}


def read_audit(path: Path) -> Audit:
    """An audit from the JSON of ``Audit.to_dict``."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return TypeAdapter(Audit).validate_python(values)


@dataclass(frozen=True)
class _Look:
    """The properties of one image."""

    digest: str
    short_side: int
    findings: tuple[Finding, ...]
    referred_share: float = float("nan")


def audit(
    pair_set: PairSet,
    *,
    max_pixels: int = MAX_PIXELS,
    reads_text: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Decode every image, compare all bytes and titles, and count.

    Args:
        pair_set: from ``sources.load_pairs``.
        max_pixels: larger images count as corrupt.
        reads_text: whether a model of the study reads the texts, so that some are needed.
        workers: threads.
        progress: called after each image.
    """
    pairs = pair_set.pairs
    looks = map_ordered(lambda pair: _look(pair, max_pixels), pairs, workers, progress)
    sides = [look.short_side for look in looks if look.short_side]
    seen = [finding for look in looks for finding in look.findings]
    splits = [split for split in SPLITS if any(pair.split == split for pair in pairs)]
    by_split = {split: [pair for pair in pairs if pair.split == split] for split in splits}
    per_class = Counter((pair.label, pair.split) for pair in pairs)
    classes = {label: {split: per_class[label, split] for split in splits} for label in pair_set.classes}
    shared, test_pairs = _shared_titles(pairs)
    found = [*pair_set.findings, *seen, *_duplicate_images(pairs, looks), *shared_masks(pairs)]
    return Audit(
        root=str(pair_set.root),
        format=pair_set.format,
        fingerprint=fingerprint(pairs, workers=workers),
        pairs={split: len(members) for split, members in by_split.items()},
        classes=classes,
        balance={split: _balance([counts[split] for counts in classes.values()]) for split in splits},
        image_sides=(min(sides), median_low(sides), max(sides)) if sides else None,
        title_contains_class=share_with_class_name(pairs),
        title_contains_class_by_split={split: share_with_class_name(members) for split, members in by_split.items()},
        titles_repeated={split: _repeats(members) for split, members in by_split.items()},
        titles_shared_train_test=shared,
        test_pairs_with_training_title=test_pairs,
        findings=(*found, *_obstacles(pairs, looks, found, reads_text)),
        notes=pair_set.notes,
        regions=count_regions(pairs, [look.referred_share for look in looks]),
    )


def drop_undecodable(
    pairs: Sequence[Pair], *, workers: int | None = None, progress: Progress | None = None
) -> tuple[list[Pair], list[Finding]]:
    """The pairs whose image can be decoded, in order, and a finding for every other pair."""
    looks = map_ordered(lambda pair: _look(pair, MAX_PIXELS), pairs, workers, progress)
    kept = [pair for pair, look in zip(pairs, looks, strict=True) if look.short_side]
    corrupt = (finding for look in looks for finding in look.findings)
    return kept, [finding for finding in corrupt if finding.kind == "corrupt image"]


def _look(pair: Pair, max_pixels: int) -> _Look:
    try:
        content = content_of(pair.image)
        size = decode(content, pair.key, max_pixels).size
    except (ImageError, OSError) as error:
        return _Look("", 0, (Finding("corrupt image", pair.key, str(error).removeprefix(f"{pair.key}: ")),))
    regions = look_at_regions(pair, size)
    return _Look(hashlib.sha256(content).hexdigest(), min(size), regions.findings, regions.share)


def _obstacles(
    pairs: Sequence[Pair], looks: Sequence[_Look], findings: Sequence[Finding], reads_text: bool
) -> list[Finding]:
    """Why the decodable pairs could not be studied, with the usual share of validation pairs."""
    good = with_validation(pairs)
    return obstacles(
        [pair for pair, look in zip(good, looks, strict=True) if look.short_side], findings, reads_text=reads_text
    )


def _duplicate_images(pairs: Sequence[Pair], looks: Sequence[_Look]) -> Iterable[Finding]:
    first: dict[str, Pair] = {}
    for pair, look in zip(pairs, looks, strict=True):
        if not look.digest:
            continue
        other = first.setdefault(look.digest, pair)
        # Pairs of one file in one split are several texts, which the reader has found.
        if other is not pair and (other.split, other.image) != (pair.split, pair.image):
            kind = "duplicate image" if other.split == pair.split else "duplicate image across splits"
            yield Finding(kind, pair.key, f"same bytes as {other.key} ({other.split})")


def _repeats(pairs: Sequence[Pair]) -> int:
    titles = [title for pair in pairs if (title := normalise_title(pair.text))]
    return len(titles) - len(set(titles))


def _shared_titles(pairs: Sequence[Pair]) -> tuple[int, int]:
    """Distinct titles shared by training and test, and test pairs that have one."""
    titles: dict[bool, list[str]] = defaultdict(list)
    for pair in pairs:
        if title := normalise_title(pair.text):
            titles[pair.split == "test"].append(title)
    shared = set(titles[True]) & set(titles[False])
    return len(shared), sum(title in shared for title in titles[True])


def _balance(counts: Sequence[int]) -> float:
    return min(counts) / max(counts) if counts and max(counts) else 0.0
