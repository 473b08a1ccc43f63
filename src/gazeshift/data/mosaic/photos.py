"""The photos that mosaics are made of: each in one split only, each of one class."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gazeshift.data.contents import content_digests, image_identity
from gazeshift.data.findings import short
from gazeshift.data.locate import alike_form
from gazeshift.data.mosaic.config import MosaicConfig
from gazeshift.data.rows import SPLITS
from gazeshift.data.splits import with_test, with_validation
from gazeshift.data.table_files import listed
from gazeshift.errors import DataError
from gazeshift.names import spoken
from gazeshift.pairs import Pair

UNREADABLE = "unreadable"
COPY = "copy of another"
OTHER_SPLIT = "also in another split"
OTHER_CLASS = "also of another class"
RARE_CLASS = "of a class with too few"
MORE_CLASSES = "known to show another class, too"
_HELD_OUT_FIRST = ("test", "validation", "train")


@dataclass(frozen=True)
class Photos:
    """The photos of a source, ready to be tiles.

    Attributes:
        of: by split and class, in the order of their keys.
        classes: the classes in use, sorted: each has enough photos in every split that is written.
        left_out: number of photos that are not used, by reason.
        rare: the classes left out, because they have too few photos.
    """

    of: Mapping[str, Mapping[str, Sequence[Pair]]]
    classes: tuple[str, ...]
    left_out: Mapping[str, int]
    rare: tuple[str, ...] = ()

    def number(self, split: str) -> int:
        """Photos of a split."""
        return sum(len(self.of[split][name]) for name in self.classes)


def gather(config: MosaicConfig, pairs: Sequence[Pair], workers: int | None = None) -> Photos:
    """Sort photos into splits and classes, so that none is in two.

    A split that the source does not give is drawn as everywhere (``splits.with_test``, ``splits.with_validation``). Photos are compared by
    their bytes: one of two splits is used where it is held out (test, then validation), one of two classes not at all. Nor is one whose
    regions name another class: a caption that names that class, or says that it is absent, would be wrong of it. So pictures of several
    things that gazeshift made itself (mosaics, Plates) cannot be tiles.

    Args:
        config: the settings.
        pairs: of the source; texts do not matter.
        workers: threads that read the photos.

    Raises:
        DataError: too few classes, or too few photos of each.

    Example:
        >>> pairs = [Pair(f"{i}.png", bytes([i]), "", "ab"[i % 2], "train") for i in range(40)]
        >>> photos = gather(MosaicConfig(tiles=(1, 2), mix={"class": 1}), pairs)
        >>> photos.classes, [photos.number(split) for split in ("train", "validation", "test")]
        (('a', 'b'), [26, 4, 10])
    """
    every_photo, left_out = _each_once(pairs, workers)  # before splits are drawn, which know nothing of copies
    kept = _of_one_class(every_photo)
    left_out[MORE_CLASSES] = len(every_photo) - len(kept)
    if every_photo and not kept:
        raise DataError(
            f"mosaic: of {len(every_photo):,} photos all are {MORE_CLASSES}, so captions about them as tiles could be wrong; "
            "give photos that show one class each."
        )
    if not any(pair.split == "test" for pair in kept):
        kept = with_test(kept)
    kept = with_validation(kept)
    of: dict[str, dict[str, list[Pair]]] = {split: defaultdict(list) for split in SPLITS}
    for pair in sorted(kept, key=lambda pair: pair.key):
        of[pair.split][pair.label].append(pair)
    every = sorted({pair.label for pair in kept})
    fewest = config.count if config.border_control else 1
    written = [split for split in SPLITS if config.mosaics(split)]
    classes = tuple(name for name in every if all(len(of[split][name]) >= fewest for split in written))
    _refuse_too_few(config, classes, every, {split: sum(map(len, of[split].values())) for split in written})
    _refuse_alike(classes)
    rare = tuple(name for name in every if name not in classes)
    left_out[RARE_CLASS] = sum(len(of[split][name]) for split in SPLITS for name in rare)
    return Photos(of, classes, {reason: count for reason, count in left_out.items() if count}, rare)


def _of_one_class(pairs: Sequence[Pair]) -> list[Pair]:
    """Those whose regions name no class but their own."""
    classes = {_said(pair.label) for pair in pairs}
    return [pair for pair in pairs if not classes & {_said(each.name) for each in pair.objects} - {_said(pair.label)}]


def _said(name: str) -> str:
    return alike_form(spoken(name))


def _each_once(pairs: Sequence[Pair], workers: int | None) -> tuple[list[Pair], Counter[str]]:
    """Every photo once, in one split and of one class, and how many are left out for which reason."""
    images: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        images[image_identity(pair.image)].append(pair)  # several texts of one photo: read once
    digests = content_digests([group[0].image for group in images.values()], None, workers)
    same: dict[str, list[list[Pair]]] = defaultdict(list)
    for group, digest in zip(images.values(), digests, strict=True):
        same[digest].append(group)
    left_out = Counter({UNREADABLE: len(same.pop("", []))})
    kept = []
    for groups in same.values():
        every = [pair for group in groups for pair in group]
        if len({pair.label for pair in every}) > 1:
            left_out[OTHER_CLASS] += len(groups)
            continue
        split = next(split for split in _HELD_OUT_FIRST if any(pair.split == split for pair in every))
        here = sum(any(pair.split == split for pair in group) for group in groups)
        left_out[OTHER_SPLIT] += len(groups) - here
        left_out[COPY] += here - 1
        kept.append(min((pair for pair in every if pair.split == split), key=lambda pair: pair.key))
    return kept, left_out


def _refuse_too_few(
    config: MosaicConfig, classes: Sequence[str], every: Sequence[str], photos: Mapping[str, int]
) -> None:
    rows, columns = config.tiles
    empty = next((split for split, count in photos.items() if not count), None)
    if empty is not None:
        raise DataError(f"mosaic: there are no {empty} photos; give --{empty} 0, or photos of this split.")
    needed = 1 if config.border_control else config.count
    enough = f"{config.count} photos" if config.border_control else "photos"
    where = f"with {enough} in each split ({', '.join(photos)})"
    if len(classes) < needed:
        found = f"{len(classes)} of {len(every)} classes" if len(classes) < len(every) else f"{len(classes)} classes"
        raise DataError(f"mosaic: {found} {where}, and {rows}x{columns} tiles need {needed}; take fewer tiles.")
    if config.names_absent and len(classes) == needed:
        raise DataError(
            f"mosaic: all {needed} classes {where} are in every picture, so none is absent; leave two and absent out of the "
            f"captions, or take fewer tiles."
        )


def _refuse_alike(classes: Sequence[str]) -> None:
    """Names that captions could not tell apart, or not say at all."""
    said: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        said[_said(name)].append(name)
    if "" in said:
        raise DataError(f"mosaic: the class {short(said[''][0])} has no letters that a caption could say; rename it.")
    alike = next((names for names in said.values() if len(names) > 1), None)
    if alike:
        raise DataError(
            f"mosaic: captions cannot tell apart the classes {listed(map(short, alike))}; give them one name."
        )
