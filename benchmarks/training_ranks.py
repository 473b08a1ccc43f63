"""The throughput of a training in two processes (DDP, gloo) over that in one, each process with one thread.

``python benchmarks/training_ranks.py --rounds 5``

Trains the plates model (small CNN, small transformer; batches of 64 crops of 96 px) for an epoch each in turn, and prints images per second
of the training steps, medians and their ratio, as one line of JSON. Run it on a machine on which nothing else runs, with a core for each.
"""
# ruff: noqa: T201

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from launching import start, wait

# Imported before any process is forked.
import gazeshift.training.engine
import gazeshift.training.module  # noqa: F401
from gazeshift.models import HeadSpec, ImageSpec, ModelSpec, TextSpec, build_classifier, build_text, build_trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Split, fit, recipe_of
from gazeshift.training.ranks import joined

CLASSES = tuple("abcdefgh")
TEXTS = [f"the {colour} thing on the {side}" for colour in ("red", "green", "blue") for side in ("left", "right")]


def split(count: int, size: int, name: str) -> Split:
    """Noise; what is learnt does not matter here."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 3, size, size), np.uint8)
    labels = torch.from_numpy(rng.integers(0, len(CLASSES), count))
    return Split(
        [f"{name}/{row}" for row in range(count)], [TEXTS[row % len(TEXTS)] for row in range(count)], labels, images
    )


def training(data: tuple[Split, Split], size: int, batch: int, folder: Path) -> Callable[[int], None]:
    """One process's part; the first epoch warms up, the second counts."""
    spec = ModelSpec(
        name="early-fusion",
        image=ImageSpec(name="small_cnn"),
        text=TextSpec(encoder="transformer"),
        head=HeadSpec(head="early-fusion"),
        classes=CLASSES,
        preprocessing=Preprocessing(size=size),
    )
    recipe = recipe_of("plates", {"epochs": 2, "batch_size": batch, "augmentation": "none"})

    def work(rank: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        model = build_classifier(spec, build_trunk(spec.image, size), build_text(spec.text, TEXTS), seed=0)
        with joined():
            fitted = fit(model, *data, recipe, 0, folder, progress=False)
        if rank == 0:
            (folder / "seconds.txt").write_text(str(fitted.history[1].seconds), encoding="utf-8")

    return work


def main() -> None:
    """Time both in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=1024)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=64)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    data = split(settings.pairs, settings.size, "train"), split(settings.ranks, settings.size, "validation")
    rates: dict[int, list[float]] = {1: [], settings.ranks: []}
    with tempfile.TemporaryDirectory() as place:
        for number in range(settings.rounds):
            for ranks, found in rates.items():
                folder = Path(place) / f"{ranks}-{number}"
                ended = wait(start(ranks, training(data, settings.size, settings.batch, folder), folder), folder, 3600)
                if any(one is None or one.code for one in ended):
                    raise SystemExit(f"a training failed: {ended}")
                found.append(settings.pairs / float((folder / "seconds.txt").read_text(encoding="utf-8")))
    one, several = (statistics.median(found) for found in rates.values())
    record = {
        "processes": settings.ranks,
        "pairs per second, one": round(one, 1),
        "pairs per second, several": round(several, 1),
        "ratio": round(several / one, 2),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
