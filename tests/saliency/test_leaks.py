"""Thousands of explanations in a loop leave nothing behind. (``benchmarks/memory.py`` does 50,000.)"""

import gc
import io
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.models.image import GridTrunk
from gazeshift.pairs import Pair
from gazeshift.saliency import Speed, stream_maps

from .conftest import TinyNet

pytestmark = pytest.mark.slow

Build = Callable[..., gs.Classifier]
TEXTS = ["apple pie", "red tomato ketchup"]


@pytest.fixture
def model(build: Build) -> gs.Classifier:
    return build("early-fusion", size=32, trunk=GridTrunk(TinyNet("mean"), 6, channels_last=False))


def alive() -> tuple[int, int]:
    """Tensors and all objects that the collector knows."""
    objects = gc.get_objects()
    return sum(issubclass(type(thing), torch.Tensor) for thing in objects), len(objects)


def one_at_a_time(model: gs.Classifier) -> Iterator[int]:
    rng = np.random.default_rng(0)
    while True:
        picture = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        gs.shift(gs.explain(model, picture, TEXTS))
        yield 1


def streamed(model: gs.Classifier) -> Iterator[int]:
    rng = np.random.default_rng(0)

    def endless() -> Iterator[Pair]:
        while True:
            file = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(file, "BMP")
            yield Pair("key", file.getvalue(), "apple pie", "baklava", "test")

    for batch in stream_maps(model, endless(), TEXTS, speed=Speed(batch=50, workers=1)):
        yield len(batch.pairs)


@pytest.mark.parametrize(("way", "images"), [(one_at_a_time, 10), (streamed, 150)], ids=["explain", "stream"])
def test_nothing_grows(model: gs.Classifier, way: Callable[[gs.Classifier], Iterator[int]], images: int) -> None:
    """What leaks grows with each part, so the part that grew least shows it. What grows less and less does not leak: an interpreter's
    table doubles its room once, and what stood before the tracing began counts as new wherever it is made again."""
    steps, marks, done = way(model), [], 0
    next(steps)
    tracemalloc.start()
    for part in range(1, 9):
        while done < images * part:
            done += next(steps)
        gc.collect()
        marks.append((*alive(), tracemalloc.get_traced_memory()[0]))
    tracemalloc.stop()
    tensors, objects, held = (np.min(np.diff(counts)) for counts in zip(*marks, strict=True))
    assert tensors <= 0
    assert objects < images / 10, "not one object for each image"
    assert held < 500 * images, "bytes; less than a map or a crop, which tensors do not count"


def test_maps_do_not_wait_for_the_collector_of_cycles(model: gs.Classifier) -> None:
    steps = one_at_a_time(model)
    next(steps)
    gc.collect()
    gc.disable()
    try:
        before = alive()[0]
        for _ in range(20):
            next(steps)
        assert alive()[0] == before
    finally:
        gc.enable()
