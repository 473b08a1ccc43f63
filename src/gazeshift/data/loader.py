"""Preprocessed crops of many images, cached on disk so that a second run does not decode again."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from gazeshift.arrays import atomic_array
from gazeshift.data.contents import content_digests
from gazeshift.data.decode import decode
from gazeshift.data.pool import Progress, map_ahead
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

CONTENTS = "contents.json"
"""File in a cache folder with the digests of images read before (``contents.content_digests``)."""
_VERSION = 3
"""Increased when decoding or cropping changes, so that old caches are not used."""


def crops(
    pairs: Sequence[Pair],
    preprocessing: Preprocessing,
    cache_dir: Path | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> UInt8[np.ndarray, "n 3 size size"]:
    """The crops of all pairs, in order, before normalisation.

    With ``cache_dir`` they are a read-only memory map of a file there, created once for the same pairs and
    preprocessing (``crops_digest``) and reused; otherwise they are in memory.

    Args:
        pairs: the pairs whose images are cropped.
        preprocessing: crop, size and interpolation; its mean and std do not matter here.
        cache_dir: created if it does not exist.
        workers: threads.
        progress: called after each image; never if the crops are cached.
        tell: called, before a file is written, with a line that says how large it will be.

    Raises:
        ImageError: images that cannot be decoded; says how many and names the first.
        DataError: the cache cannot be written.
    """
    shape = (len(pairs), 3, preprocessing.size, preprocessing.size)
    if cache_dir is None or not pairs:
        memory = np.empty(shape, np.uint8)
        for row, crop in enumerate(_cropped(pairs, preprocessing, workers, progress)):
            memory[row] = crop
        return memory
    contents = content_digests([pair.image for pair in pairs], Path(cache_dir) / CONTENTS, workers)
    path = Path(cache_dir) / f"crops-{crops_digest(pairs, preprocessing, contents)[:24]}.npy"
    found = _open(path, shape)
    if found is None:
        if tell:
            tell(
                f"keeping crops of {len(pairs):,} pictures, {as_size(crops_bytes(len(pairs), preprocessing))}, in {path.parent}"
            )
        with atomic_array(path, shape, np.uint8) as append:
            for crop in _cropped(pairs, preprocessing, workers, progress):
                append(crop[None])
        found = _open(path, shape)
    if found is None:
        raise DataError(f"{path}: the cache of crops is unreadable; delete it and try again.")
    return found


def crops_bytes(count: int, preprocessing: Preprocessing) -> int:
    """The bytes that the crops of some pictures take.

    Example:
        >>> crops_bytes(90_000, Preprocessing(size=299))
        24138270000
    """
    return count * 3 * preprocessing.size**2


def as_size(size: float) -> str:
    """A number of bytes for people.

    Example:
        >>> as_size(24_300_000_000), as_size(1_500_000)
        ('24.3 GB', '1.5 MB')
    """
    return f"{size / 1e9:,.3g} GB" if size >= 1e9 else f"{size / 1e6:,.3g} MB"


def read_crop(pair: Pair, preprocessing: Preprocessing) -> UInt8[np.ndarray, "3 size size"]:
    """The crop of a pair's image, decoded no larger than the crop needs.

    Raises:
        ImageError: the image cannot be decoded.
    """
    return preprocessing.crop(decode(pair.image, pair.key, at_least=preprocessing.enough))


def crops_digest(pairs: Sequence[Pair], preprocessing: Preprocessing, contents: Sequence[str] | None = None) -> str:
    """SHA-256 over keys and the images' bytes, in order, and over everything that cropping depends on.

    Args:
        pairs: the pairs whose images are cropped.
        preprocessing: what is done with the crop afterwards (mean, std, channels) is ignored.
        contents: ``content_digests`` of the images; None: the images are read.
    """
    kept = ("size", "crop_fraction", "interpolation", "fit")
    how = {key: value for key, value in preprocessing.to_dict().items() if key in kept}
    digest = hashlib.sha256(json.dumps([_VERSION, how], sort_keys=True).encode())
    contents = content_digests([pair.image for pair in pairs]) if contents is None else contents
    for pair, content in zip(pairs, contents, strict=True):
        digest.update(json.dumps([pair.key, content]).encode())
    return digest.hexdigest()


def _cropped(
    pairs: Sequence[Pair], preprocessing: Preprocessing, workers: int | None, progress: Progress | None
) -> Iterator[UInt8[np.ndarray, "3 size size"]]:
    """The crops in the order of the pairs; all images that cannot be decoded are collected before the error is raised."""

    def crop(pair: Pair) -> np.ndarray | str:
        try:
            return read_crop(pair, preprocessing)
        except ImageError as error:
            return str(error)

    failed = []
    with closing(map_ahead(crop, pairs, workers)) as found:
        for done, one in enumerate(found, start=1):
            if isinstance(one, str):
                failed.append(one)
            else:
                yield one
            if progress:
                progress(done, len(pairs))
    if failed:
        count = f"{len(failed)} of {len(pairs)} images cannot be decoded; the first: "
        raise ImageError(f"{count if len(failed) > 1 else ''}{failed[0]} Find them all with: gazeshift data check ROOT")


def _open(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The memory map, or None if it is missing or damaged."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.uint8 else None
