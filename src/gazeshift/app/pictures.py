"""The pictures that the page may show: those of the data, and those that were dropped on it."""

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image

from gazeshift.data.decode import decode
from gazeshift.errors import UsageError
from gazeshift.pairs import ImageSource, Pair
from gazeshift.saliency.pictures import open_picture

DROPPED = 64
"""Dropped pictures kept in memory; the one used longest ago is forgotten first."""

OPENED = 8
"""Decoded pictures kept in memory."""

MAX_BYTES = 16_000_000
"""Of a dropped file."""

MAX_PIXELS = 40_000_000
"""Of a dropped picture; those of the data may have as many as ``decode`` takes, as for the maps."""

THUMBNAIL = 160


@dataclass(frozen=True)
class Sample:
    """A pair of the data, as the page lists it.

    Attributes:
        picture: its name in requests.
        key: its name in the data.
        label: its class.
        text: its text.
    """

    picture: str
    key: str
    label: str
    text: str


@dataclass(eq=False)
class Pictures:
    """Pictures by the names that requests use: ``pair-<number>`` or ``dropped-<digest>``. Nothing else can be read.

    Attributes:
        pairs: of the data; empty without data.
    """

    pairs: Sequence[Pair] = ()
    _dropped: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _opened: OrderedDict[tuple[str, int | None], Image.Image] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def samples(self) -> list[Sample]:
        """All pairs of the data."""
        return [Sample(f"pair-{n}", pair.key, pair.label, pair.text) for n, pair in enumerate(self.pairs)]

    def find(self, search: str = "", label: str = "") -> list[Sample]:
        """Pairs of the data whose class or text holds some words, in any case, and whose class is ``label`` where one is given."""
        wanted = search.casefold().split()
        return [
            sample
            for sample in self.samples
            if (not label or sample.label == label)
            and all(word in f"{sample.label} {sample.text}".casefold() for word in wanted)
        ]

    def drop(self, content: bytes) -> str:
        """Keep a dropped picture in memory, and name it.

        Raises:
            UsageError: it is too large a file.
            ImageError: it is not a picture, or has too many pixels.
        """
        if len(content) > MAX_BYTES:
            raise UsageError(f"the picture is larger than {MAX_BYTES // 1_000_000} MB; make it smaller.")
        decode(content, "the dropped picture", MAX_PIXELS)
        name = f"dropped-{hashlib.sha256(content).hexdigest()[:32]}"
        with self._lock:
            self._dropped[name] = content
            self._dropped.move_to_end(name)
            while len(self._dropped) > DROPPED:
                self._dropped.popitem(last=False)
        return name

    def pair(self, name: str) -> Pair | None:
        """The pair of a picture; None if it was dropped or is unknown."""
        number = name.removeprefix("pair-")
        known = name.startswith("pair-") and number.isascii() and number.isdigit() and len(number) < 12
        return self.pairs[int(number)] if known and int(number) < len(self.pairs) else None

    def source(self, name: str) -> ImageSource:
        """Where a picture is.

        Raises:
            UsageError: there is no such picture, or no longer.
        """
        if (pair := self.pair(name)) is not None:
            return pair.image
        with self._lock:
            if name not in self._dropped:
                raise UsageError(
                    f"there is no picture {name[:60]!r} (any more): choose a sample, or drop the image again."
                )
            self._dropped.move_to_end(name)
            return self._dropped[name]

    def opened(self, name: str, at_least: int | None) -> Image.Image:
        """A picture, decoded; those asked for last are remembered, so that another text does not decode it again.

        Args:
            name: its name.
            at_least: as for ``decode``.

        Raises:
            UsageError: there is no such picture, or no longer.
            ImageError: it cannot be decoded.
        """
        source, key = self.source(name), (name, at_least)
        with self._lock:
            found = self._opened.get(key)
        if found is None:
            found = open_picture(source, at_least=at_least)
        with self._lock:
            self._opened[key] = found
            self._opened.move_to_end(key)
            while len(self._opened) > OPENED:
                self._opened.popitem(last=False)
        return found

    def thumbnail(self, name: str) -> bytes:
        """A small JPEG of a picture."""
        small = decode(self.source(name), name, at_least=THUMBNAIL)
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        return as_jpeg(small)


def as_jpeg(picture: Image.Image) -> bytes:
    """A picture as the bytes of a JPEG file."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=88)
    return file.getvalue()
