"""The throughput of our training over that of a bare PyTorch loop, in one run: ``python benchmarks/training_rate.py --recipe modern``.

Both train the same image-only net on the same noise with the same optimiser, precision and batches, on the best device of this machine. The
bare loop takes its batches from memory, in the order in which they lie, keeps no moving average and does not augment; ours does what the
recipe says, draws its own order, checks every loss and writes a checkpoint after every epoch. The first epoch of each warms up. Prints a
line of JSON: pairs per second of every further epoch, with and without the recipe's augmentation, and the ratios of their medians.
"""
# ruff: noqa: T201

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

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
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Recipe, Split, fit, recipe_of
from gazeshift.training.device import best_device

CLASSES = tuple("abcdefghij")


def noise(pairs: int, size: int, name: str) -> Split:
    """Crops and labels; what is learnt does not matter here."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (pairs, 3, size, size), np.uint8)
    labels = torch.from_numpy(rng.integers(0, len(CLASSES), pairs))
    return Split([f"{name}/{row}" for row in range(pairs)], [""] * pairs, labels, images)


def fresh(name: str, size: int) -> Classifier:
    """An image-only model with random weights."""
    image = ImageSpec(name=name)
    spec = ModelSpec(
        name="image-only",
        image=image,
        text=TextSpec(encoder="none"),
        head=HeadSpec(head="image-only"),
        classes=CLASSES,
        preprocessing=Preprocessing(size=size),
    )
    torch.manual_seed(0)
    return build_classifier(spec, build_trunk(image, size), build_text(spec.text, []), seed=0)


def bare(model: Classifier, split: Split, recipe: Recipe) -> Callable[[], None]:
    """One epoch of the loop that anyone would write."""
    device = best_device()
    model.to(device).train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "sgd":
        optimizer = torch.optim.SGD(weights, recipe.learning_rate, momentum=recipe.momentum)
    else:
        optimizer = torch.optim.AdamW(weights, recipe.learning_rate)
    half = recipe.precision == "bfloat16"

    def epoch() -> None:
        for start in range(0, len(split), recipe.batch_size):
            rows = slice(start, start + recipe.batch_size)
            crops = torch.from_numpy(np.asarray(split.images[rows])).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                tokens = model.tokenize([""] * len(crops))
                logits = model(model.spec.preprocessing.normalise(crops), tokens.ids, tokens.mask)
                loss = cross_entropy(logits, split.labels[rows].to(device))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.gradient_clip:
                torch.nn.utils.clip_grad_norm_(weights, recipe.gradient_clip)
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return epoch


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="inception_v3")
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=4, help="of each, the first of which warms up")
    parser.add_argument("--recipe", default="paper-image-only")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that augment")
    options = parser.parse_args()
    split, few = noise(options.pairs, options.size, "train"), noise(len(CLASSES), options.size, "validation")
    recipe = recipe_of(options.recipe, {"epochs": options.epochs})
    plain = recipe_of(options.recipe, {"epochs": options.epochs, "augmentation": "none"})
    cases = {"ours, not augmented": (plain, 0)}
    if plain != recipe:
        cases["ours"] = (recipe, options.workers)
    epoch = bare(fresh(options.model, options.size), split, recipe)
    rates: dict[str, list[float]] = {"bare": []}
    for turn in range(options.epochs):
        start = time.perf_counter()
        epoch()
        if turn:
            rates["bare"].append(options.pairs / (time.perf_counter() - start))
    for name, (how, workers) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            fitted = fit(
                fresh(options.model, options.size), split, few, how, 0, Path(folder), workers=workers, progress=False
            )
        rates[name] = [options.pairs / record.seconds for record in fitted.history[1:]]
    middle = {name: statistics.median(found) for name, found in rates.items()}
    print(
        json.dumps(
            {
                "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
                **vars(options),
                "pairs per second": {name: [round(rate, 1) for rate in found] for name, found in rates.items()},
                "over bare": {name: round(rate / middle["bare"], 3) for name, rate in middle.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
