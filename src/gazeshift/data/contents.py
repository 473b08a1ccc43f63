"""The contents of a data set's pictures: digests of their bytes, so that a picture corrected in place counts as different data.

Size and time are not enough: an editor may keep the size, ``cp -p`` the time, and a copy of unchanged data has new times. So the bytes
count. They are not read again while the file is the same: device, inode, size and the times of its last change of content and of
status (which no program can reset) are those of the earlier reading.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gazeshift.atomic import write_json
from gazeshift.data.decode import content_of
from gazeshift.data.pool import map_ordered
from gazeshift.errors import GazeshiftError, ImageError
from gazeshift.pairs import ImageReference, ImageSource, Pair

_SETTLED = 3_000_000_000
"""Nanoseconds after which a file's timestamps reveal a later change; file system clocks tick up to two seconds apart."""


def fingerprint(pairs: Iterable[Pair], known: Path | None = None, workers: int | None = None) -> str:
    """SHA-256 over everything that a study takes from its pairs, in any order.

    That is key, text, class, split and the image's bytes; for known scenes also objects, their regions and captions.

    Args:
        pairs: the pairs of a data set.
        known: a file that caches the digests of images, so that they are not read again (``content_digests``).
        workers: threads.

    Example:
        >>> one, other = (Pair("a.png", content, "a text", "pie", "train") for content in (b"12", b"21"))
        >>> fingerprint([one]) == fingerprint([other])
        False
    """
    every = list(pairs)
    shapes = [shape for pair in every for each in pair.objects for shape in each.shapes]
    masks = list(dict.fromkeys(shape.source for shape in shapes if shape.source is not None))
    digests = content_digests([*(pair.image for pair in every), *masks], known, workers)
    drawn = dict(zip(masks, digests[len(every) :], strict=True))
    lines = sorted(
        json.dumps(
            [
                *(pair.key, pair.text, pair.label, pair.split, digest),
                [
                    (
                        *(each.name, each.colour, each.index, each.referred),
                        [(shape.description, drawn.get(shape.source or b"")) for shape in each.shapes],
                    )
                    for each in pair.objects
                ],
                [(each.kind, each.text, each.referred, each.content) for each in pair.captions],
            ]
        )
        for pair, digest in zip(every, digests, strict=False)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def content_digests(images: Sequence[ImageSource], known: Path | None = None, workers: int | None = None) -> list[str]:
    """SHA-256 of the bytes of each image; the empty text for a file that cannot be read.

    Args:
        images: files, their bytes, or references to them; a reference that knows its digest is not read again.
        known: a JSON file that caches digests; created or extended. If it cannot be written, the files are read
            again the next time, with no other effect.
        workers: threads.
    """
    before = _read(known) if known is not None else {}

    def look(image: ImageSource) -> tuple[str, str]:
        if isinstance(image, bytes):
            return "", hashlib.sha256(image).hexdigest()
        if isinstance(image, ImageReference) and image.digest is not None:
            return "", image.digest
        state = image.state if isinstance(image, ImageReference) else _state(image)
        return state, before.get(state) or _digest(image)

    found = map_ordered(look, images, workers)
    if known is not None:
        # A file that was changed just now may change again within one tick of its clock: it is read again the next time.
        new = {state: digest for state, digest in found if state and digest and _is_settled(state)}
        if not new.keys() <= before.keys():
            _write(known, {**before, **new})
    return [digest for _, digest in found]


def image_identity(image: ImageSource) -> str:
    """The identity of an image across pairs: its path or address, or the digest of its bytes. Nothing is read."""
    if isinstance(image, ImageReference):
        return image.identity
    return hashlib.sha256(image).hexdigest() if isinstance(image, bytes) else str(image)


def _state(path: Path) -> str:
    """A stamp that changes if and only if the file does."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return ":".join(map(str, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)))


def _is_settled(state: str) -> bool:
    if not state[
        0
    ].isdigit():  # that of a reference, which begins with its scheme: whoever keeps the picture vouches for it
        return True
    return time.time_ns() - max(int(part) for part in state.split(":")[-2:]) > _SETTLED


def _digest(image: Path | ImageReference) -> str:
    try:
        if isinstance(image, ImageReference):
            return hashlib.sha256(content_of(image)).hexdigest()
        with image.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ImageError):
        return ""


def _read(known: Path) -> dict[str, str]:
    try:
        found = json.loads(known.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()) else {}


def _write(known: Path, digests: dict[str, str]) -> None:
    # A read-only or full disk does not matter: the file only saves time.
    with suppress(GazeshiftError):
        write_json(known, digests)
