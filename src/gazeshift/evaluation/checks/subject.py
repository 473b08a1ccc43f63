"""The input of a check: one model, some of the explained pairs, and their features, texts and pixels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.data.plates import Scene
from gazeshift.evaluation.question import ImageSource, Question, TextSource
from gazeshift.measures import Figure, crossed_figure
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, Structure, TextFeatures
from gazeshift.saliency import Baseline, Rows, can_exchange, compute_maps, row_logits

SHARD = 32
"""Images per chunk: bounds the memory and does not change the results."""

PixelSource = Callable[[Sequence[int]], Float[Tensor, "n 3 H W"]]


@dataclass(frozen=True)
class Subject:
    """A model and the pairs it is checked on.

    Attributes:
        model: sees images.
        question: the checked pairs, with their texts and masks.
        images: function from pair indices to features at the tap.
        texts: encoded texts.
        pixels: images as the trunk gets them, by their index.
        baseline: mean features of training pairs.
        scenes: of Plates pairs, by key.
    """

    model: Classifier
    question: Question
    images: ImageSource
    texts: TextSource
    pixels: PixelSource
    baseline: Callable[[], Baseline]
    scenes: Mapping[str, Scene] = field(default_factory=dict)

    def some(self, count: int) -> "Subject":
        """The same with at most this many pairs, drawn evenly."""
        total = len(self.question.pairs)
        return self if count >= total else self.only([index * total // count for index in range(count)])

    def only(self, chosen: Sequence[int]) -> "Subject":
        """The same with some of the pairs."""

        def pick(asked: Sequence[int]) -> list[int]:
            return [chosen[index] for index in asked]

        question = replace(
            self.question,
            pairs=[self.question.pairs[index] for index in chosen],
            texts={edit: [texts[index] for index in chosen] for edit, texts in self.question.texts.items()},
            masks=lambda index, height, width: self.question.masks(chosen[index], height, width),
            crossed=[self.question.crossed[index] for index in chosen] if self.question.crossed else (),
        )
        images, pixels = self.images, self.pixels
        return replace(
            self,
            question=question,
            images=lambda asked: images(pick(asked)),
            pixels=lambda asked: pixels(pick(asked)),
        )

    @property
    def shards(self) -> list[range]:
        """The pairs in chunks."""
        count = len(self.question.pairs)
        return [range(start, min(start + SHARD, count)) for start in range(0, count, SHARD)]

    def text_of(self, index: int) -> str:
        """The pair's own text."""
        return self.question.pairs[index].text


@dataclass(frozen=True)
class OwnMaps:
    """The maps of some pairs with their own texts, each for the class predicted with it.

    Attributes:
        image: features at the tap.
        text: encoded texts, one per pair.
        rows: rows of the probe: pair i with text i.
        raw: signed maps.
    """

    image: ImageFeatures
    text: TextFeatures
    rows: Rows
    raw: Float[np.ndarray, "n h w"]


def own_maps(subject: Subject, shard: Sequence[int]) -> OwnMaps:
    """Draw the maps of some pairs with their own texts."""
    image, text = subject.images(shard), subject.texts([subject.text_of(index) for index in shard])
    each = torch.arange(len(shard), device=image.grid.device)
    predicted = row_logits(BoundClassifier(subject.model, image, text), each, each).argmax(1)
    rows = Rows(each, each, predicted)
    return OwnMaps(image, text, rows, maps_of(subject.model, image, text, rows, subject.question.method))


def maps_of(
    model: Classifier, image: ImageFeatures, text: TextFeatures, rows: Rows, method: str
) -> Float[np.ndarray, "r h w"]:
    """Raw maps as an array."""
    return compute_maps(BoundClassifier(model, image, text), rows, method).maps.float().cpu().numpy()


def per_pair(subject: Subject, shard: Sequence[int], measures: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Rows of key, label, measure, value: each measure has one value per pair of the shard."""
    pairs = [subject.question.pairs[index] for index in shard]
    parts = [
        pd.DataFrame(
            {
                "key": [pair.key for pair in pairs],
                "label": [pair.label for pair in pairs],
                "measure": name,
                "value": np.asarray(values, dtype=np.float64),
            }
        )
        for name, values in measures.items()
    ]
    return pd.concat(parts, ignore_index=True)


def mean_of_defined(values: Float[np.ndarray, "*b n"], axis: int = 0) -> Float[np.ndarray, "*b"]:
    """Mean along an axis of what is defined; NaN where nothing is, without a warning."""
    count = np.isfinite(values).sum(axis)
    return np.asarray(np.nansum(values, axis=axis) / np.where(count > 0, count, np.nan))


def grid_of(rows: pd.DataFrame, measure: str) -> Float[np.ndarray, "seeds n"]:
    """Values of a measure (the mean of several of one pair): a row per seed, a column per pair; NaN where none is defined."""
    mine = rows[rows["measure"] == measure]
    seed, seeds = pd.factorize(mine["seed"], sort=True)
    key, keys = pd.factorize(mine["key"], sort=True)
    value = mine["value"].to_numpy(np.float64)
    defined, place, cells = np.isfinite(value), seed * len(keys) + key, len(seeds) * len(keys)
    count = np.bincount(place[defined], minlength=cells)
    total = np.bincount(place[defined], value[defined], minlength=cells)
    return np.asarray(total / np.where(count > 0, count, np.nan)).reshape(len(seeds), len(keys))


def means(rows: pd.DataFrame) -> dict[str, Figure]:
    """The mean of every measure over seeds and pairs, with its interval."""
    return {str(measure): crossed_figure(grid_of(rows, str(measure))) for measure in rows["measure"].unique()}


@dataclass(frozen=True)
class Check:
    """A check that a study can request.

    Attributes:
        rows: of key, label, measure, value, about one model.
        needs_text: whether it only applies to models that read a text.
        figures: from the rows of all seeds of one model (with a column ``seed``) to its figures.
        needs_gaze: whether it only applies to models of which it is known what a text's gaze does (``gazeshift.saliency.can_exchange``).
    """

    rows: Callable[[Subject], pd.DataFrame]
    needs_text: bool = False
    figures: Callable[[pd.DataFrame], dict[str, Figure]] = means
    needs_gaze: bool = False

    def applies(self, structure: Structure) -> bool:
        """Whether it says something of a model that sees images and has this structure."""
        return (structure.reads_text or not self.needs_text) and (can_exchange(structure) or not self.needs_gaze)
