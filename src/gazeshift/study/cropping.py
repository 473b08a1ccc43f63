"""The crops of a study's splits: kept in a file while they are few enough, else decoded whenever they are needed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gazeshift.data.loader import CONTENTS, as_size, crops, crops_bytes
from gazeshift.data.on_the_fly import Crops, DecodedCrops
from gazeshift.pairs import Pair
from gazeshift.study.config import StudyConfig
from gazeshift.study.steps import Announce, Notice


def cropping(
    study: StudyConfig, splits: Mapping[str, Sequence[Pair]], cache: Path, announce: Announce
) -> Callable[[str], Crops]:
    """A function from a split to its crops. All splits are kept, or none is: which depends on the data and the limit alone.

    Args:
        study: the settings, ``data.cache_limit`` among them.
        splits: the pairs.
        cache: folder of the files.
        announce: told, before anything is written, how large it will be.
    """
    size = sum(crops_bytes(len(pairs), study.crop) for pairs in splits.values())
    kept = size <= study.cache_bytes
    if not kept:
        count = sum(map(len, splits.values()))
        announce(
            Notice(f"crops of {count:,} pictures would take {as_size(size)}, {beyond(study)}: decoded when needed")
        )

    def cropped(split: str) -> Crops:
        pairs, workers = splits[split], study.data.workers
        if not kept:
            return DecodedCrops(pairs, study.crop, workers, cache / CONTENTS)
        return crops(pairs, study.crop, cache, workers=workers, tell=lambda text: announce(Notice(text)))

    return cropped


def beyond(study: StudyConfig) -> str:
    """What a size is compared with, in words."""
    return f"more than data.cache_limit ({study.data.cache_limit:g} GB)"
