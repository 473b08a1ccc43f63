"""The features of frozen trunks, computed by the workers of an engine."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from gazeshift.engine.engines import ENGINES
from gazeshift.engine.work import Tell
from gazeshift.models import ImageFeatures
from gazeshift.training.device import best_device
from gazeshift.training.encoding import Encoding, Spread

Encoded = tuple[int, ImageFeatures]
"""The number of a step, and its features."""


@dataclass(frozen=True, eq=False)
class EncodingWork:
    """The steps of an encoding as work for an engine.

    Attributes:
        encoding: on the CPU.
        crops: file of its images, under the same path everywhere; None if they travel with it.
    """

    encoding: Encoding
    crops: Path | None

    @classmethod
    def of(cls, encoding: Encoding) -> "EncodingWork":
        """Images in a file do not travel."""
        images = encoding.images
        if not isinstance(images, np.memmap):
            return cls(encoding, None)
        return cls(replace(encoding, images=np.empty((0, *images.shape[1:]), np.uint8)), Path(str(images.filename)))

    def workers(self, count: int | None) -> "Sequence[Callable[[int, Tell], Encoded]]":
        """One: a trunk computes with all threads of its process."""
        return [self.worker()]

    def worker(self) -> "Callable[[int, Tell], Encoded]":
        """Computes one step after the other, its trunk always at the same place."""
        images = self.encoding.images if self.crops is None else np.load(self.crops, mmap_mode="r")
        encoding = replace(self.encoding, images=images)
        encoding.trunk.to(encoding.device or best_device())
        return lambda step, _: (step, encoding(step))

    def name(self, step: int) -> str:
        """Its pictures."""
        return f"features of the pictures from {step * self.encoding.batch_size:,} on"

    def done(self, result: Encoded) -> int:
        """Its pictures."""
        return len(result[1])


def spread_on(engine: str) -> Spread:
    """Features computed by the workers of an engine."""
    return partial(_spread, engine)


def _spread(engine: str, encoding: Encoding) -> Generator[ImageFeatures, None, None]:
    with closing(ENGINES[engine](EncodingWork.of(encoding), range(encoding.steps), None, lambda images: None)) as done:
        yield from _in_order(done)


def _in_order(numbered: Iterable[Encoded]) -> Iterator[ImageFeatures]:
    early, wanted = dict[int, ImageFeatures](), 0
    for step, features in numbered:
        early[step] = features
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1
