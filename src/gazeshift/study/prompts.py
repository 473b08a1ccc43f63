"""Two readings of a shift, from stored maps: is the text more than a label, and does it move the map more than training again does?"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gazeshift.measures import distribution, jensen_shannon
from gazeshift.models import Classifier
from gazeshift.saliency import Rows, compute_maps
from gazeshift.study.information import Drawn
from gazeshift.study.question import ImageSource, Question, TextSource
from gazeshift.study.store import MapFile

SHARD = 64

ByClass = dict[tuple[str, str], Float[np.ndarray, "h w"]]
"""By key and class name: the map of that class, as a distribution."""


def write_class_maps(model: Classifier, question: Question, images: ImageSource, texts: TextSource, path: Path) -> None:
    """Store the maps of every class of every pair, of a model that reads no text."""
    count = len(model.classes)
    with MapFile(path) as file:
        for start in range(0, len(question.pairs), SHARD):
            shard = range(start, min(start + SHARD, len(question.pairs)))
            features, nothing = images(shard), texts([""])
            image = torch.arange(len(shard), device=features.grid.device).repeat_interleave(count)
            target = torch.arange(count, device=image.device).repeat(len(shard))
            rows = Rows(image, torch.zeros_like(image), target)
            maps = compute_maps(model, features, nothing, rows, question.method).maps.float().cpu().numpy()
            keys = [question.pairs[index].key for index in shard for _ in range(count)]
            file.add({"key": keys, "class": model.classes * len(shard)}, maps)


def by_class(rows: pd.DataFrame, maps: Float[np.ndarray, "n h w"]) -> ByClass:
    """Stored maps of every class, of a model that reads no text."""
    return {
        (str(key), str(name)): p for key, name, p in zip(rows["key"], rows["class"], distribution(maps), strict=True)
    }


def prompt_rows(measures: pd.DataFrame, fusion: Drawn, image: ByClass) -> pd.DataFrame:
    """The label-prompt null, where a changed text switched the class from c0 to c1.

    Were the text only a label that names the class, the fusion map would go the way that the image-only model's goes from class c0 to c1.

    Args:
        measures: of the fusion model and one seed.
        fusion: its maps.
        image: the image-only model's maps of every class, same seed.

    Returns:
        key, label, edit; ``fusion``, ``image``: Jensen-Shannon distances between the maps before and after; ``apart``: between both
        models' maps of c1. NaN where a map is undefined.
    """
    own = dict(measures.loc[measures["edit"] == "original", ["key", "predicted"]].to_numpy(str))
    switched = measures[measures["switched"].astype(bool)]
    columns = switched[["key", "label", "edit", "predicted"]].to_numpy(str)
    rows = []
    for (key, label, edit, predicted), bits in zip(columns, switched["js_bits"], strict=True):
        before, after = image[key, own[key]], image[key, predicted]
        rows.append(
            {
                "key": key,
                "label": label,
                "edit": edit,
                "fusion": float(np.sqrt(bits)),
                "image": float(np.sqrt(jensen_shannon(before, after))),
                "apart": float(np.sqrt(jensen_shannon(fusion[edit][key], after))),
            }
        )
    frame = pd.DataFrame(rows, columns=["key", "label", "edit", "fusion", "image", "apart"])
    return frame.astype({"fusion": float, "image": float, "apart": float})  # where no class switched too


def retrained_rows(drawn: dict[int, Drawn], labels: dict[str, str]) -> pd.DataFrame:
    """Jensen-Shannon distance between the maps of one image, own text, from each training seed and the next; the last and the first too.

    Args:
        drawn: maps of one model by seed.
        labels: class of each key.

    Returns:
        seed, key, label, ``js_distance``; NaN where a map is undefined.
    """
    seeds = list(drawn)
    if len(seeds) < 2:
        return pd.DataFrame(columns=["seed", "key", "label", "js_distance"]).astype({"js_distance": float})
    rows = []
    for seed, other in [*pairwise(seeds), (seeds[-1], seeds[0])]:
        first, second = drawn[seed]["original"], drawn[other]["original"]
        keys = [key for key in first if key in second]
        distance = np.sqrt(
            jensen_shannon(np.array([first[key] for key in keys]), np.array([second[key] for key in keys]))
        )
        rows.append(
            pd.DataFrame({"seed": seed, "key": keys, "label": [labels[key] for key in keys], "js_distance": distance})
        )
    return pd.concat(rows, ignore_index=True)
