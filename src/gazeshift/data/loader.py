"""Preprocessed crops of many images, kept on disk so that a second run does not decode again."""

import contextlib
import hashlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from gazeshift.data.contents import content_digests
from gazeshift.data.decode import decode, image_size
from gazeshift.data.pool import Progress, map_ordered
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

CONTENTS = "contents.json"
"""In a cache folder: digests of images that were read before (``contents.content_digests``)."""
_VERSION = 2
"""Raised when decoding or cropping changes, so that old caches are not used."""


def crops(
    pairs: Sequence[Pair],
    preprocessing: Preprocessing,
    cache_dir: Path | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> UInt8[np.ndarray, "n 3 size size"]:
    """The crops of all pairs, in their order, before normalisation.

    With ``cache_dir`` they are a read-only memory map of a file there, made once for the same pairs and
    preprocessing (``crops_digest``) and found again; otherwise they are in memory.

    Args:
        pairs: whose images.
        preprocessing: crop, size and interpolation; its mean and std do not matter here.
        cache_dir: made where it does not exist.
        workers: threads.
        progress: told after each image; not at all where the crops are found.

    Raises:
        ImageError: images that cannot be decoded; says how many and names the first.
        DataError: the cache cannot be written.
    """
    shape = (len(pairs), 3, preprocessing.size, preprocessing.size)
    if cache_dir is None or not pairs:
        memory = np.empty(shape, np.uint8)
        _fill(memory, pairs, preprocessing, workers, progress)
        return memory
    contents = content_digests([pair.image for pair in pairs], Path(cache_dir) / CONTENTS, workers)
    path = Path(cache_dir) / f"crops-{crops_digest(pairs, preprocessing, contents)[:24]}.npy"
    found = _open(path, shape)
    if found is None:
        _write(path, shape, pairs, preprocessing, workers=workers, progress=progress)
        found = _open(path, shape)
    if found is None:
        raise DataError(f"{path}: the cache of crops cannot be read back; delete it and try again.")
    return found


def crops_digest(pairs: Sequence[Pair], preprocessing: Preprocessing, contents: Sequence[str] | None = None) -> str:
    """SHA-256 over keys and the images' bytes, in order, and over what cropping depends on.

    Args:
        pairs: whose images.
        preprocessing: mean and std do not matter.
        contents: ``content_digests`` of the images; None: they are read.
    """
    kept = ("size", "crop_fraction", "interpolation")
    how = {key: value for key, value in preprocessing.to_dict().items() if key in kept}
    digest = hashlib.sha256(json.dumps([_VERSION, how], sort_keys=True).encode())
    contents = content_digests([pair.image for pair in pairs]) if contents is None else contents
    for pair, content in zip(pairs, contents, strict=True):
        digest.update(json.dumps([pair.key, content]).encode())
    return digest.hexdigest()


def objects_grid(pair: Pair, preprocessing: Preprocessing) -> Int[np.ndarray, "size size"]:
    """The pair's label map, cropped exactly as ``preprocessing`` crops its image, so that it fits maps on the crop.

    Values are the objects' indices, 0 the background; nearest neighbour, so no value is invented.

    Raises:
        DataError: the pair has no label map, or one of another size than its image.
        ImageError: the label map cannot be decoded.
    """
    if pair.objects_mask is None:
        raise DataError(f"{pair.key}: no label map is known; masks need masks/ and objects.parquet in the data root.")
    name = pair.objects_mask.name
    decode(pair.objects_mask, name)  # refuses damaged files with a message of one line
    with Image.open(pair.objects_mask) as image:
        indices = np.asarray(image)
    if indices.ndim != 2:
        raise DataError(f"{pair.key}: the label map {name} is a colour image; store object indices as grey or palette.")
    if image_size(pair.image, pair.key) != (indices.shape[1], indices.shape[0]):
        raise DataError(f"{pair.key}: the label map {name} has another size than its image.")
    return np.asarray(preprocessing.crop_image(Image.fromarray(indices.astype(np.int32)), "nearest"))


def _fill(
    into: np.ndarray,
    pairs: Sequence[Pair],
    preprocessing: Preprocessing,
    workers: int | None,
    progress: Progress | None,
) -> None:
    def fill(index: int) -> str | None:
        try:
            into[index] = preprocessing.crop(decode(pairs[index].image, pairs[index].key))
        except ImageError as error:
            return str(error)
        return None

    failed = [message for message in map_ordered(fill, range(len(pairs)), workers, progress) if message]
    if failed:
        count = f"{len(failed)} of {len(pairs)} images cannot be decoded; the first: "
        raise ImageError(f"{count if len(failed) > 1 else ''}{failed[0]} Find them all with: gazeshift data check ROOT")


def _write(
    path: Path,
    shape: tuple[int, ...],
    pairs: Sequence[Pair],
    preprocessing: Preprocessing,
    *,
    workers: int | None,
    progress: Progress | None,
) -> None:
    """Write the file under a temporary name and rename it when it is whole."""
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        into = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        _fill(into, pairs, preprocessing, workers, progress)
        into.flush()
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path.parent}: the cache of crops cannot be written ({error}).") from error
    finally:
        with contextlib.suppress(OSError):  # renamed, or never there
            temporary.unlink()


def _open(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The memory map, or None where there is none or a damaged one."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.uint8 else None
