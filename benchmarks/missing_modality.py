"""What becomes of accuracy and map when a modality is missing at test time, with and without modality dropout in training.

``python benchmarks/missing_modality.py --seeds 3``

Trains two fusions on Plates from one trunk, pretrained on single objects, and asks each about the test pairs with both modalities, without
the text and without the image. Prints one line of JSON for each model and setting: means over seeds of the accuracies; how far the map
moves when the text is taken away (Jensen-Shannon divergence in bits, mean over the pairs with both maps), for the class predicted with both
and for the class predicted each time; and the share of the pairs with no map of the class predicted with both when the text is missing.
"""
# ruff: noqa: T201

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from gazeshift.data.plates import PlatesConfig, image_only_ceiling, render, scene_and_caption, single_objects
from gazeshift.measures import distribution, jensen_shannon
from gazeshift.models import (
    BoundClassifier,
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
    encode_images,
    encode_texts,
)
from gazeshift.models.trunk import Trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.saliency import Rows, compute_maps
from gazeshift.saliency.cams import default_method
from gazeshift.training import Split, accuracy, fit, fit_trunk, predict, recipe_of

HEADS = ("early-fusion", "film")
DROPOUT = (0.0, 0.3)
HALF = (0.5, 0.5, 0.5)
IMAGE = ImageSpec(name="small_cnn")
TEXT = TextSpec(encoder="transformer", width=64, layers=1, max_tokens=24, vocabulary=1000)


def drawn(config: PlatesConfig, split: str, first: int, last: int) -> Split:
    """Some scenes of a split with their captions."""
    pairs = [scene_and_caption(config, split, index) for index in range(first, last)]
    images = np.stack([render(scene).transpose(2, 0, 1) for scene, _ in pairs])
    labels = torch.tensor([config.dishes.index(scene.label) for scene, _ in pairs])
    return Split([f"{split}/{index}" for index in range(first, last)], [said.text for _, said in pairs], labels, images)


def trained(trunk: Trunk, head: str, rate: float, data: Sequence[Split], config: PlatesConfig, seed: int) -> Classifier:
    """One model, all of it fine-tuned."""
    spec = ModelSpec(
        name=head, image=IMAGE, text=TEXT, head=HeadSpec(head=head, image_width=0), classes=config.dishes,
        preprocessing=Preprocessing(size=config.size, crop_fraction=1.0, mean=HALF, std=(0.25, 0.25, 0.25)),
    )  # fmt: skip
    torch.manual_seed(seed)
    model = build_classifier(spec, copy.deepcopy(trunk), build_text(TEXT, data[0].texts), seed)
    with tempfile.TemporaryDirectory() as work:
        recipe = recipe_of("plates", {"epochs": 4, "modality_dropout": rate})
        fit(model, data[0], data[1], recipe, seed, Path(work), progress=False)
    return model


def measured(model: Classifier, test: Split) -> dict[str, float]:
    """Accuracies, and how far the maps move without the text."""
    found = {
        f"accuracy {name}": accuracy(predict(model, test, without=without), test.labels)
        for name, without in (("both", None), ("without text", "text"), ("without image", "image"))
    }
    predicted, alone = predict(model, test).argmax(1), predict(model, test, without="text").argmax(1)
    maps = [maps_of(model, test, texts, target) for texts, target in (
        (test.texts, predicted), ([""] * len(test), predicted), ([""] * len(test), alone)
    )]  # fmt: skip
    moved = [jensen_shannon(maps[0], other) for other in maps[1:]]
    return found | {
        "moved, same class": float(np.nanmean(moved[0])),
        "moved, own class": float(np.nanmean(moved[1])),
        "no map without text": float(np.isnan(maps[1]).any((1, 2)).mean()),
    }


def maps_of(model: Classifier, test: Split, texts: Sequence[str], target: torch.Tensor) -> np.ndarray:
    """Each image's map with its text, as a distribution; NaN where there is none."""
    images = model.spec.preprocessing.normalise(torch.from_numpy(test.images))
    bound = BoundClassifier(model, encode_images(model, images), encode_texts(model, texts))
    each = torch.arange(len(test))
    return distribution(compute_maps(bound, Rows(each, each, target), default_method(model)).maps.numpy())


def main() -> None:
    """Train, ask and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--train", type=int, default=6000)
    parser.add_argument("--test", type=int, default=1000)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    config = PlatesConfig(train=settings.train + 200, test=settings.test)
    ends = {"train": (0, settings.train), "validation": (settings.train, settings.train + 200)}
    data = [*(drawn(config, "train", *ends[name]) for name in ends), drawn(config, "test", 0, settings.test)]
    torch.manual_seed(0)
    trunk = build_trunk(IMAGE, config.size)
    singles, labels = single_objects(config, settings.train, 0)
    preprocessing = Preprocessing(size=config.size // 2, crop_fraction=1.0, mean=HALF, std=(0.25, 0.25, 0.25))
    with tempfile.TemporaryDirectory() as work:
        fit_trunk(trunk, singles, torch.from_numpy(labels), config.dishes, preprocessing, Path(work), progress=False)
    print(json.dumps({"best possible without text": round(image_only_ceiling(config), 3)}))
    for head in HEADS:
        for rate in DROPOUT:
            seeds = [measured(trained(trunk, head, rate, data, config, s), data[2]) for s in range(settings.seeds)]
            means = {name: round(float(np.mean([one[name] for one in seeds])), 3) for name in seeds[0]}
            print(json.dumps({"model": head, "modality_dropout": rate, **means}), flush=True)
    print(json.dumps({"seconds": round(time.perf_counter() - began)}))


if __name__ == "__main__":
    main()
