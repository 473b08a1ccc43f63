"""Explain many images in a loop and print how much memory the process holds: it must not grow.

``python benchmarks/memory.py --images 50000``

Three ways, each with a small untrained model: ``explain`` (one image at a time, four texts), ``stream`` (batches from encoded image
files, as ``gazeshift maps`` does) and ``outside`` (an external model, through ``wrap``). Exits with 1 if the memory after the first
tenth of the images grows by more than 20 MB, or if tensors or objects accumulate.
"""
# ruff: noqa: T201

import argparse
import gc
import io
import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import nn

from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
)
from gazeshift.models.adapters import wrap
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.saliency import Speed, explain, stream_maps
from gazeshift.saliency.outside import explain_inputs

SIZE = 32
TEXTS = ("apple pie", "red tomato ketchup", "", "white plate")
ALLOWED_MB = 20


def resident_mb() -> float:
    """Memory that the process holds now, or the highest so far if the system does not report it."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * 4096 / 2**20
    except OSError:
        import resource  # noqa: PLC0415

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def classifier() -> Classifier:
    """Early fusion on a small CNN."""
    image, text = ImageSpec(name="small_cnn"), TextSpec(encoder="transformer", width=16, layers=1, heads=2)
    parts = build_text(text, TEXTS)
    spec = ModelSpec(
        name="early-fusion", image=image, text=parts.spec, head=HeadSpec(head="early-fusion", image_width=8, hidden=32),
        classes=("pie", "soup", "tart"), preprocessing=Preprocessing(size=SIZE),
    )  # fmt: skip
    return build_classifier(spec, build_trunk(image, SIZE), parts, 0).eval()


def pictures() -> Iterator[Image.Image]:
    """New images every time, as from a data set."""
    rng = np.random.default_rng(0)
    while True:
        yield Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))


def by_explain() -> Iterator[int]:
    """Explain one image at a time."""
    model = classifier()
    for picture in pictures():
        explain(model, picture, TEXTS)
        yield 1


def by_stream() -> Iterator[int]:
    """Explain a data set, batch by batch."""

    def pairs() -> Iterator[Pair]:
        for index, picture in enumerate(pictures()):
            file = io.BytesIO()
            picture.save(file, "JPEG")
            yield Pair(f"{index}.jpg", file.getvalue(), TEXTS[index % 4], "pie", "test")

    for batch in stream_maps(classifier(), pairs(), speed=Speed(batch=50)):
        yield len(batch.pairs)


def by_outside() -> Iterator[int]:
    """Explain with a plain module, batch by batch."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    net(torch.rand(1, 3, SIZE, SIZE))
    model = wrap(net, "0", image="input")
    while True:
        explain_inputs(model, torch.rand(10, 3, SIZE, SIZE))
        yield 10


WAYS: dict[str, Callable[[], Iterator[int]]] = {"explain": by_explain, "stream": by_stream, "outside": by_outside}


def watch(way: str, images: int) -> bool:
    """Run one way; return whether nothing grew."""
    print(f"{way}:")
    done, marks, steps = 0, [], WAYS[way]()
    for step in range(1, 11):
        while done < images * step // 10:
            done += next(steps)
        gc.collect()
        objects = gc.get_objects()
        tensors = sum(issubclass(type(thing), torch.Tensor) for thing in objects)
        marks.append((resident_mb(), tensors, len(objects)))
        del objects
        print(
            f"  {done:>7,} images: {marks[-1][0]:7.1f} MB resident, {marks[-1][1]:,} tensors, {marks[-1][2]:,} objects",
            flush=True,
        )
    (first_mb, first_tensors, first_objects), (last_mb, last_tensors, last_objects) = marks[0], marks[-1]
    # Objects: libraries keep a handful of records; one object per step would show as thousands.
    flat = (
        last_mb - first_mb <= ALLOWED_MB and last_tensors <= first_tensors + 50 and last_objects <= first_objects + 500
    )
    print(f"  {'flat' if flat else 'GROWS'}: {last_mb - first_mb:+.1f} MB from {images // 10:,} to {done:,} images")
    return flat


def main() -> None:
    """Run every way, and fail if anything grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--way", choices=[*WAYS, "all"], default="all")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ways = list(WAYS) if arguments.way == "all" else [arguments.way]
    if not all([watch(way, arguments.images) for way in ways]):  # noqa: C419  # run them all
        sys.exit(1)


if __name__ == "__main__":
    main()
