"""What is computed of every pair, by whichever worker; and the shards that the pairs are cut into."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, zip_longest
from pathlib import Path

from gazeshift.json_types import Json
from gazeshift.models import Classifier
from gazeshift.models.adapters.given import Given
from gazeshift.models.addresses import Address
from gazeshift.pairs import ImageReference, ImageSource, Pair
from gazeshift.saliency.cams import DEFAULT
from gazeshift.saliency.speed import Speed

EditedTexts = tuple[str | None, ...]
"""A text for each edit; None where one does not apply."""

GROUP = 8
"""Pairs that a CPU computes at once. Other numbers round differently, so it is always this one, at the same places of the data."""

_MAPS_PER_SHARD = 16_384
_PAIRS_PER_SHARD = 1024
_SHARDS = 32  # of small data: enough that several workers end at about the same time


@dataclass(frozen=True, eq=False)
class InMemory:
    """A model that is open already, in place of an address; only for this process.

    Attributes:
        model: the model.
        at: what it is called in messages.
    """

    model: Classifier | Given
    at: str = "the model"

    def open(self) -> Classifier | Given:
        """The model."""
        return self.model


@dataclass(frozen=True)
class MapJob:
    """The maps of every pair.

    Attributes:
        model: the model's address; every worker opens it.
        out: the folder of maps.
        texts: the texts of every pair; None: its own.
        edits: names of the edits that give each pair's texts, ``original`` first; empty: none.
        target: as in ``stream_maps``.
        method: as in ``stream_maps``.
        speed: batch (on an accelerator), precision, compilation.
        threads: CPU threads that compute one shard. Other numbers round differently.
    """

    model: Address | InMemory
    out: Path
    texts: tuple[str, ...] | None = None
    edits: tuple[str, ...] = ()
    target: str | tuple[str, ...] = "predicted"
    method: str = DEFAULT
    speed: Speed = field(default_factory=Speed)
    threads: int = 1

    def settings(self, model_digest: str) -> Json:
        """Everything that decides the maps; plain values."""
        return {
            "model": model_digest,
            "texts": None if self.texts is None else list(self.texts),
            "edits": list(self.edits),
            "target": self.target if isinstance(self.target, str) else list(self.target),
            "method": self.method,
            "precision": self.speed.precision,
            "compiled": self.speed.compiled,
            "threads": self.threads,
        }


@dataclass(frozen=True)
class Shard:
    """Some consecutive pairs.

    Attributes:
        number: from 0.
        start: position of the first pair in the data.
        pairs: the pairs.
        texts: the texts of each under every edit, None where an edit does not apply to it; empty: those of the job.
    """

    number: int
    start: int
    pairs: tuple[Pair, ...]
    texts: tuple[EditedTexts, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Of the pairs' keys, labels, texts and images."""
        sha = hashlib.sha256()
        for pair, texts in zip_longest(self.pairs, self.texts):
            image = _identity(pair.image)
            sha.update(json.dumps([pair.key, pair.label, pair.text, image, texts]).encode())
        return sha.hexdigest()

    def texts_of(self, pair: Pair) -> EditedTexts:
        """The texts of one of the pairs under every edit; None where one does not apply."""
        return self.texts[self._places[pair.key]]

    def texts_to_read(self, pair: Pair) -> tuple[str, ...]:
        """As ``texts_of``; its own text, to be left out later, where an edit does not apply: all pairs have equally many."""
        return tuple(pair.text if text is None else text for text in self.texts_of(pair))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {pair.key: place for place, pair in enumerate(self.pairs)}


def _identity(image: ImageSource) -> str | int | None:
    """Of a file its size: reading all images to look for changes would cost as much as decoding them, and the key names it."""
    if isinstance(image, bytes):
        return hashlib.sha256(image).hexdigest()
    if isinstance(image, ImageReference):
        return image.identity
    with suppress(OSError):  # whoever decodes it will say what is wrong
        return image.stat().st_size
    return None


def shard_size(pairs: int | None, maps_per_pair: int) -> int:
    """How many pairs a shard has: a multiple of ``GROUP``; small enough that losing one costs little, and that all workers have some.

    Args:
        pairs: in the data; None if nobody knows.
        maps_per_pair: texts times classes.

    Example:
        >>> shard_size(None, 1), shard_size(500, 1), shard_size(200_000, 100)
        (1024, 16, 160)
    """
    most = min(_PAIRS_PER_SHARD, _MAPS_PER_SHARD // max(1, maps_per_pair))
    if pairs is not None:
        most = min(most, -(-pairs // _SHARDS))
    return max(1, most // GROUP) * GROUP


def cut(pairs: Iterable[Pair], size: int, edited: Callable[[Pair], EditedTexts] | None = None) -> Iterator[Shard]:
    """The shards of some pairs, as they are needed.

    Args:
        pairs: the pairs.
        size: pairs in a shard.
        edited: the texts of a pair under every edit of the job, if it has any.

    Example:
        >>> pairs = [Pair(f"{index}.png", b"", "", "", "test") for index in range(20)]
        >>> [(shard.number, shard.start, len(shard.pairs)) for shard in cut(pairs, 8)]
        [(0, 0, 8), (1, 8, 8), (2, 16, 4)]
    """
    rest = iter(pairs)
    number = 0
    while some := tuple(islice(rest, size)):
        yield Shard(number, number * size, some, () if edited is None else tuple(map(edited, some)))
        number += 1


def maps_per_pair(job: MapJob, classes: int) -> int:
    """How many maps a pair has, at most.

    Example:
        >>> maps_per_pair(MapJob(Address("model"), Path("maps"), texts=("red", "blue"), target="all"), classes=5)
        10
    """
    among = classes if job.target == "all" else 1 if isinstance(job.target, str) else len(job.target)
    return (len(job.edits) or (1 if job.texts is None else len(job.texts))) * among
