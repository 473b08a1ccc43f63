"""Both sides of shift-faithfulness for any model and Plates scenes: how the map changed, and what removing an object shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from gazeshift.data.plates import Scene, label_map, render
from gazeshift.measures import ShiftFaithfulness, beyond_rounding, mask_to_grid, shift_faithfulness
from gazeshift.models import Bound, BoundClassifier, Classifier, ImageFeatures, TextFeatures, encode_images, evaluating
from gazeshift.saliency import Rows, class_logits, compute_maps
from gazeshift.saliency.cams import DEFAULT

SHARD = 16
"""Scenes per chunk: bounds the memory and does not change the results."""


@dataclass(frozen=True)
class View:
    """A scene, complete or with one object removed (the rest of the picture stays the same)."""

    scene: Scene
    without: int | None = None


@dataclass(frozen=True)
class SceneSource:
    """How scenes are turned into a model's input.

    Attributes:
        encode: function from views to features at the tap.
        labels: which object is visible at each pixel of the model's input (0: none).
    """

    encode: Callable[[Sequence[View]], ImageFeatures]
    labels: Callable[[Scene], UInt8[np.ndarray, "H W"]]


@dataclass(frozen=True)
class TextChange:
    """A scene whose text ``before`` becomes ``after``."""

    scene: Scene
    before: str
    after: str


@dataclass(frozen=True)
class RegionChanges:
    """The effect of a change of text on every object of every scene, in logits of the class predicted with the text before.

    Attributes:
        change: index of the text change that a row belongs to.
        index: which object of its scene, from 1.
        map_change: change of the raw map, summed over the object's visible region, each cell by the share of it that the object covers.
        cell_change: the same over all of every cell that the object touches; objects that touch the same cell share it by the areas that
            they cover.
        effect_change: ``I_r``, the change of what the logit loses when the object is removed.
        effect_before: what it loses with the text before; the natural scale of ``effect_change``.
        whole_map_change: per text change, ``sum |L(t1) - L(t0)| / sum |L(t0)|`` over the whole grid: how much the raw map of the fixed
            class changed at all (L1, relative). 0 where the text cannot act within a class; NaN where the first map is all zero.
    """

    change: Int[np.ndarray, " n"]
    index: Int[np.ndarray, " n"]
    map_change: Float[np.ndarray, " n"]
    cell_change: Float[np.ndarray, " n"]
    effect_change: Float[np.ndarray, " n"]
    effect_before: Float[np.ndarray, " n"]
    whole_map_change: Float[np.ndarray, " m"]

    @property
    def faithfulness(self) -> ShiftFaithfulness:
        """Both sides compared, pooled over all objects and changes."""
        return shift_faithfulness(self.map_change, self.effect_change)

    @property
    def cell_faithfulness(self) -> ShiftFaithfulness:
        """The same with whole cells: what of the difference is the edges of objects, which cut cells."""
        return shift_faithfulness(self.cell_change, self.effect_change)


TextSource = Callable[[Sequence[str]], TextFeatures]


Paint = Callable[[Scene, int | None], UInt8[np.ndarray, "H W 3"]]


def rendered(model: Classifier, paint: Paint = render) -> SceneSource:
    """Scenes drawn, cropped and encoded as the model was trained to see them.

    Args:
        model: classifier of pictures.
        paint: draws a scene without one of its objects; replace it for a model of other pictures.
    """
    preprocessing = model.spec.preprocessing

    def encode(views: Sequence[View]) -> ImageFeatures:
        crops = [preprocessing.crop(Image.fromarray(paint(view.scene, view.without))) for view in views]
        pixels = preprocessing.normalise(torch.from_numpy(np.stack(crops)).to(model.device))
        return encode_images(model, pixels)

    def labels(scene: Scene) -> UInt8[np.ndarray, "H W"]:
        return np.asarray(preprocessing.crop_image(Image.fromarray(label_map(scene)), "nearest"))

    return SceneSource(encode, labels)


def reading(model: Classifier) -> TextSource:
    """Read texts with the model's own encoder."""

    def read(texts: Sequence[str]) -> TextFeatures:
        tokens = model.tokenize(texts)
        with torch.no_grad(), evaluating(model):
            return model.encode_text(tokens.ids, tokens.mask)

    return read


def region_changes(
    model: Classifier,
    changes: Sequence[TextChange],
    see: SceneSource,
    read: TextSource,
    method: str = DEFAULT,
) -> RegionChanges:
    """Both sides of shift-faithfulness for every object of every changed scene.

    The trunk runs once per scene and once per scene with an object removed, whatever the number of texts. The effect's side is

        ``I_r = [y_c(x, t1) - y_c(x without r, t1)] - [y_c(x, t0) - y_c(x without r, t0)]``

    with ``c`` the class predicted with ``t0``; the map's side is the change of the raw signed map of ``c``, summed over the cells of the
    object, each by the share of its area that the object covers.

    Args:
        model: classifier at the tap.
        changes: scenes with two texts each; a scene may occur several times.
        see: how the model sees scenes (``rendered``).
        read: how it reads texts (``reading``).
        method: a map method that needs no pixels.

    Raises:
        UsageError: an unknown method, or one that needs pixels.
    """
    scenes = list(dict.fromkeys(change.scene for change in changes))
    found = []
    for start in range(0, len(scenes), SHARD):
        shard = scenes[start : start + SHARD]
        mine = [number for number, change in enumerate(changes) if change.scene in shard]
        found.append(_shard(model, shard, [(number, changes[number]) for number in mine], see, read, method))
    rows = [row for part, _ in found for row in part]
    whole = dict(pair for _, part in found for pair in part)
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    change, index = (np.array(column, np.int64) for column in columns[:2])
    moved, in_cells, acted, before = (np.array(column, np.float64) for column in columns[2:])
    relative = np.array([whole[number] for number in range(len(changes))], np.float64)
    return RegionChanges(change, index, moved, in_cells, acted, before, relative)


Row = tuple[int, int, float, float, float, float]
"""Number of the change, object, change of the map by area and in whole cells, change of the effect, effect before."""


def _shard(
    model: Classifier,
    scenes: Sequence[Scene],
    changes: Sequence[tuple[int, TextChange]],
    see: SceneSource,
    read: TextSource,
    method: str,
) -> tuple[list[Row], list[tuple[int, float]]]:
    views = [View(scene, without) for scene in scenes for without in (None, *_indices(scene))]
    place = {view: row for row, view in enumerate(views)}
    texts = list(dict.fromkeys(text for _, change in changes for text in (change.before, change.after)))
    bound = BoundClassifier(model, see.encode(views), read(texts))
    logits = class_logits(bound, len(texts)).double().cpu().numpy()
    height, width = bound.grid.shape[2:]
    regions = {scene: _regions(see.labels(scene), scene, height, width) for scene in scenes}
    asked = [
        (place[View(change.scene)], texts.index(change.before), texts.index(change.after)) for _, change in changes
    ]
    explained = [int(logits[row, before].argmax()) for row, before, _ in asked]
    before = _maps(bound, [(row, text) for row, text, _ in asked], explained, method)
    after = _maps(bound, [(row, text) for row, _, text in asked], explained, method)
    rows: list[Row] = []
    for (number, change), (whole, t0, t1), c, m0, m1 in zip(changes, asked, explained, before, after, strict=True):
        shown = regions[change.scene]
        for index, region, cells in zip(_indices(change.scene), shown, _whole_cells(shown), strict=True):
            part = place[View(change.scene, index)]
            y = logits[[whole, part]][:, [t0, t1], c]
            effect = y[0] - y[1]
            moved, in_cells = (_moved(m0, m1, weights) for weights in (region, cells))
            acted = float(beyond_rounding(np.asarray(effect[1] - effect[0]), abs(y).max()))
            rows.append((number, index, moved, in_cells, acted, float(effect[0])))
    wholes = [(number, _relative_change(m0, m1)) for (number, _), m0, m1 in zip(changes, before, after, strict=True)]
    return rows, wholes


def _indices(scene: Scene) -> list[int]:
    return [item.index for item in scene.objects]


def _maps(
    bound: Bound,
    asked: Sequence[tuple[int, int]],
    classes: Sequence[int],
    method: str,
) -> Float[np.ndarray, "r h w"]:
    def index(values: Sequence[int]) -> Tensor:
        return torch.tensor(values, device=bound.grid.device)

    rows = Rows(index([row for row, _ in asked]), index([words for _, words in asked]), index(classes))
    return compute_maps(bound, rows, method).maps.double().cpu().numpy()


def _regions(labels: UInt8[np.ndarray, "H W"], scene: Scene, height: int, width: int) -> Float[np.ndarray, "k h w"]:
    masks = np.stack([labels == index for index in _indices(scene)])
    return np.asarray(mask_to_grid(masks, height, width))


def _whole_cells(regions: Float[np.ndarray, "k h w"]) -> Float[np.ndarray, "k h w"]:
    """Every cell shared out among the objects that touch it, by the areas that they cover; 0 where there is none."""
    covered = regions.sum(0)
    return np.divide(regions, covered, out=np.zeros_like(regions), where=covered > 0)


def _moved(
    before: Float[np.ndarray, "h w"], after: Float[np.ndarray, "h w"], weights: Float[np.ndarray, "h w"]
) -> float:
    size = (np.maximum(abs(before), abs(after)) * weights).sum()
    return float(beyond_rounding(np.asarray(((after - before) * weights).sum()), size))


def _relative_change(before: Float[np.ndarray, "h w"], after: Float[np.ndarray, "h w"]) -> float:
    size = float(np.abs(before).sum())
    change = float(np.abs(after - before).sum())
    return change / size if size else float("nan")
