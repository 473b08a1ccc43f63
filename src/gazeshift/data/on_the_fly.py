"""Crops that are kept nowhere: each picture is decoded whenever its crop is asked for, so memory does not grow with their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from gazeshift.data.contents import content_digests
from gazeshift.data.loader import crops, crops_digest
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

_HASH_ROWS = 256
"""Crops read at once for a digest."""


class Hash(Protocol):
    """What ``hashlib`` makes."""

    def update(self, data: Any, /) -> None: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class DecodedCrops:
    """Crops in the form of an array ``n x 3 x size x size`` of 8-bit numbers, for as much of one as training and explaining use.

    Attributes:
        pairs: whose pictures are cropped.
        preprocessing: how.
        workers: threads; None for one per CPU.
        known: a file that caches the digests of pictures (``contents.content_digests``).

    Example:
        >>> from PIL import Image
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (10, 8), "red").save(file, "png")
        >>> found = DecodedCrops([Pair("a.png", file.getvalue(), "", "pie", "train")], Preprocessing(size=4))
        >>> found.shape, found[[0]].shape, found[0][:, 0, 0].tolist()
        ((1, 3, 4, 4), (1, 3, 4, 4), [255, 0, 0])
    """

    pairs: Sequence[Pair]
    preprocessing: Preprocessing
    workers: int | None = None
    known: Path | None = None

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of an array."""
        return len(self.pairs), 3, self.preprocessing.size, self.preprocessing.size

    def __getitem__(self, rows: Any) -> UInt8[np.ndarray, "..."]:
        """The crops of some rows: a number, a slice, or several numbers.

        Raises:
            ImageError: an image that cannot be decoded.
            DataError: pictures that cannot be read, or have changed.
        """
        chosen = np.arange(len(self.pairs))[rows]
        found = crops([self.pairs[int(row)] for row in np.atleast_1d(chosen)], self.preprocessing, workers=self.workers)
        return found if chosen.ndim else found[0]

    @cached_property
    def digest(self) -> str:
        """``loader.crops_digest``: over the pictures' bytes, not their crops, so that nothing is decoded for it."""
        contents = content_digests([pair.image for pair in self.pairs], self.known, self.workers)
        return crops_digest(self.pairs, self.preprocessing, contents)


Crops = np.ndarray | DecodedCrops
"""Crops in memory, in a memory-mapped file, or decoded when they are asked for."""


def update_digest(sha: Hash, images: Crops) -> None:
    """Add crops to a digest: their pixels, or where those are not kept, the bytes of their pictures."""
    if isinstance(images, DecodedCrops):
        sha.update(images.digest.encode())
        return
    for start in range(0, len(images), _HASH_ROWS):
        sha.update(np.ascontiguousarray(images[start : start + _HASH_ROWS]).data)
