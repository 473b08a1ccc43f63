"""Data sets that gazeshift wrote itself: all that can truly be said of their pictures is known, and what the picture alone reveals."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from gazeshift.data.addresses import Root
from gazeshift.data.mosaic.captions_of_pairs import with_captions as mosaic_captions
from gazeshift.data.plates.captions_of_pairs import with_captions as plates_captions
from gazeshift.pairs import Pair

KNOWN: dict[str, Callable[[Path, Sequence[Pair]], list[Pair]]] = {
    "plates.json": plates_captions,
    "mosaic.json": mosaic_captions,
}
"""By the file that a generator leaves in its data root: gives pairs all their valid captions."""


def with_known(root: Root, pairs: Sequence[Pair]) -> tuple[list[Pair], dict[str, float]]:
    """The pairs with ``captions``, and by split the highest accuracy possible from the image alone; unchanged and empty for other data.

    Args:
        root: the data root.
        pairs: its pairs.

    Raises:
        DataError: the root's own tables are damaged.

    Example:
        >>> with_known(Path("somewhere"), [])
        ([], {})
    """
    if isinstance(root, Path):
        for file, captions in KNOWN.items():
            if (root / file).is_file():
                ceiling = json.loads((root / file).read_text(encoding="utf-8"))["image_only_ceiling"]
                return captions(root, pairs), ceiling
    return list(pairs), {}
