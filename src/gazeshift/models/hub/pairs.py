"""What differs between published models that score a picture and a sentence: the layer, the arguments, the output."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gazeshift.errors import ModelError, listed
from gazeshift.models.adapters.huggingface import similarity
from gazeshift.models.adapters.layouts import LayoutRule
from gazeshift.models.adapters.module import HookedModel


@dataclass(frozen=True)
class Family:
    """A kind of model that scores a picture and a sentence.

    Attributes:
        processors: class names of the processors that read for it.
        net: the model at its layer, with one score for a picture and a sentence.
        score: what the score is.
        images: the model's arguments that the processor makes of a picture.
        padding: how the texts of one call are made equally long: ``longest``, or ``max_length`` as in training.
        towers: whether pictures and sentences are encoded apart, so that it can be a zero-shot classifier.
        grid: layout of the layer's output; None if its shape tells.
    """

    processors: tuple[str, ...]
    net: Callable[[Any], HookedModel]
    score: str
    images: tuple[str, ...] = ("pixel_values",)
    padding: str = "longest"
    towers: bool = False
    grid: LayoutRule | None = None


_COSINE = "the score is the scaled cosine similarity of picture and sentence, the logit of the model's training"

FAMILIES: dict[str, Family] = {
    "clip": Family(("CLIPProcessor",), similarity, _COSINE, towers=True),
}
"""By ``config.model_type``."""
