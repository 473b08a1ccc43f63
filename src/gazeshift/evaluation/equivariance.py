"""Does a map follow the content? The crop's window is shifted, without padding, and the map's centroid should follow its content."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from PIL.Image import Image

from gazeshift.data.decode import decode
from gazeshift.data.pool import map_ordered
from gazeshift.evaluation.question import TextSource
from gazeshift.evaluation.viewer import Viewer
from gazeshift.measures import centroid, distribution, equivariance
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, TextFeatures
from gazeshift.pairs import Pair
from gazeshift.preprocessing import INTERPOLATIONS, Preprocessing
from gazeshift.saliency import Rows, compute_maps, row_logits
from gazeshift.saliency.asked import Asked

WINDOW = 0.8
"""Side of the shifted windows as a share of the crop's; what is left is the margin they move in."""

DIRECTIONS = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], dtype=np.float64)
"""Directions of the window's shifts, after the unshifted one: right, left, down, up."""


def content_shifts() -> Float[np.ndarray, "5 2"]:
    """How far the content moves in the window, in the map's coordinates (the window's side is 2): opposite to the window's shift."""
    return -DIRECTIONS * (1 - WINDOW) / WINDOW


def window_boxes(preprocessing: Preprocessing, image: Image) -> list[tuple[float, float, float, float]]:
    """Left, upper, right and lower edges of the five windows of a picture, all within its ordinary crop."""
    left, top, right, bottom = preprocessing.box_in(image)
    whole = np.array([right - left, bottom - top])
    window, margin = whole * WINDOW, whole * (1 - WINDOW) / 2
    centre = np.array([(left + right) / 2, (top + bottom) / 2])
    corners = [centre + direction * margin - window / 2 for direction in DIRECTIONS]
    return [(float(x), float(y), float(x + window[0]), float(y + window[1])) for x, y in corners]


def shifted_crops(
    pairs: Sequence[Pair], preprocessing: Preprocessing, workers: int | None = None
) -> UInt8[np.ndarray, "n*5 3 H W"]:
    """Crops of five windows of each image, one after the other; all lie within the ordinary crop, so nothing is padded.

    Args:
        pairs: the pairs whose images are cropped.
        preprocessing: of the models.
        workers: number of decoding threads.
    """
    size = preprocessing.size
    enough = None if preprocessing.enough is None else math.ceil(preprocessing.enough / WINDOW)
    into = np.empty((len(pairs) * len(DIRECTIONS), 3, size, size), np.uint8)

    def fill(index: int) -> None:
        image = decode(pairs[index].image, pairs[index].key, at_least=enough)
        for place, box in enumerate(window_boxes(preprocessing, image)):
            window = image.convert("RGB").resize((size, size), INTERPOLATIONS[preprocessing.interpolation], box=box)
            into[index * len(DIRECTIONS) + place] = np.asarray(window).transpose(2, 0, 1)

    map_ordered(fill, range(len(pairs)), workers)
    return into


@dataclass(frozen=True)
class Windows:
    """The shifted windows of some pairs, at a model's tap.

    Attributes:
        pairs: some of the explained ones.
        features: function from pair indices to the features of their five windows, one after the other.
    """

    pairs: Sequence[Pair]
    features: Callable[[Sequence[int]], ImageFeatures]


def equivariance_rows(
    model: Classifier, windows: Windows, texts: TextSource, method: str, shard: int = 32
) -> pd.DataFrame:
    """How far each image's map follows its content.

    Args:
        model: sees images.
        windows: the shifted windows.
        texts: encoded texts; every window is paired with the pair's own.
        method: the saliency method.
        shard: images per chunk.

    Returns:
        key, label, ``slope``: regression of the centroid's shift on the content's over the windows and both axes; 1 follows the content,
        0 is locked to the frame. The class is the one predicted for the unmoved window. NaN where one of the five maps is undefined.
    """
    parts = []
    for start in range(0, len(windows.pairs), shard):
        chosen = range(start, min(start + shard, len(windows.pairs)))
        pairs = [windows.pairs[index] for index in chosen]
        centroids = _centroids(model, windows.features(chosen), texts([pair.text for pair in pairs]), method)
        parts.append(_slopes(pairs, centroids))
    return pd.concat(parts, ignore_index=True)


def given_equivariance_rows(viewer: Viewer, pairs: Sequence[Pair], method: str) -> pd.DataFrame:
    """The same for a model that is asked picture by picture.

    Args:
        viewer: the model before the windows: five rows for each pair, in the order of ``DIRECTIONS``.
        pairs: the pairs.
        method: the saliency method.
    """
    centroids = np.full((len(pairs), len(DIRECTIONS), 2), np.nan)
    for index, pair in enumerate(pairs):
        answer = None
        for place in range(len(DIRECTIONS)):
            row = index * len(DIRECTIONS) + place
            bound = viewer.bind([row], [pair.text])
            alone = torch.zeros(1, dtype=torch.long, device=bound.grid.device)
            asked = Asked.of(bound, alone, alone)
            answer = asked.predicted if answer is None else answer
            centroids[index, place] = centroid(distribution(viewer.placed(asked.maps(answer, method), [row])))[0]
    return _slopes(pairs, centroids)


def _slopes(pairs: Sequence[Pair], centroids: Float[np.ndarray, "n 5 2"]) -> pd.DataFrame:
    found = equivariance(content_shifts(), centroids)
    slope = np.where(found.n == len(DIRECTIONS), found.slope, np.nan)
    return pd.DataFrame({"key": [pair.key for pair in pairs], "label": [pair.label for pair in pairs], "slope": slope})


def _centroids(
    model: Classifier, features: ImageFeatures, text: TextFeatures, method: str
) -> Float[np.ndarray, "n 5 2"]:
    count = len(text)
    device = features.grid.device
    image = torch.arange(count * len(DIRECTIONS), device=device)
    which = image // len(DIRECTIONS)
    unmoved = which[:: len(DIRECTIONS)] * len(DIRECTIONS)
    predicted = row_logits(BoundClassifier(model, features, text), unmoved, torch.arange(count, device=device)).argmax(
        1
    )
    maps = compute_maps(BoundClassifier(model, features, text), Rows(image, which, predicted[which]), method).maps
    p = distribution(maps.float().cpu().numpy())
    return centroid(p).reshape(count, len(DIRECTIONS), 2)
