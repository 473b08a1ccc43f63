"""What every model of a study is asked: the same pairs with the same texts, and masks where they are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from gazeshift.data.loader import objects_grid
from gazeshift.edits import Edited, ModifiedText
from gazeshift.measures import mask_to_grid
from gazeshift.models import ImageFeatures, TextFeatures
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

ImageSource = Callable[[Sequence[int]], ImageFeatures]
TextSource = Callable[[Sequence[str]], TextFeatures]
ObjectMasks = Mapping[int, Float[np.ndarray, "h w"]]


@dataclass(frozen=True)
class Question:
    """What is asked of every model of a study: the pairs, their texts under each edit, and masks where they are known.

    Attributes:
        pairs: the explained test pairs.
        texts: per edit one text per pair; None where the edit does not apply. ``original`` is the first edit.
        masks: per pair, share of each grid cell that each visible object covers; None where masks are unknown.
        method: the map method.
        wasserstein: on how many changed texts the Wasserstein-1 distance is measured.
        crossed: per pair its class's name bare and with every matched modifier; empty where the study asks for none.
    """

    pairs: Sequence[Pair]
    texts: Mapping[str, Sequence[Edited | None]]
    masks: Callable[[int, int, int], ObjectMasks | None]
    method: str
    wasserstein: int = 0
    crossed: Sequence[Sequence[ModifiedText]] = ()

    def with_texts(self, texts: Mapping[str, Sequence[Edited | None]]) -> "Question":
        """The same question with other texts."""
        return replace(self, texts=texts)


class MaskReader:
    """Object masks on a map's grid, read once per pair and grid."""

    def __init__(self, crop: Preprocessing, pairs: Sequence[Pair]) -> None:
        self.crop = crop
        self.pairs = pairs
        self.known: dict[tuple[int, int, int], ObjectMasks] = {}

    def __call__(self, index: int, height: int, width: int) -> ObjectMasks | None:
        """Masks of the visible objects of a pair by their index, as shares of the cells of a grid; None where none are known."""
        pair = self.pairs[index]
        if pair.objects_mask is None:
            return None
        key = (index, height, width)
        if key not in self.known:
            labels = objects_grid(pair, self.crop)
            visible = [scene_object.index for scene_object in pair.objects if (labels == scene_object.index).any()]
            self.known[key] = {value: mask_to_grid(labels == value, height, width) for value in visible}
        return self.known[key]


def referred_mask(question: Question, index: int, height: int, width: int) -> Float[np.ndarray, "h w"] | None:
    """Mask of the object that a pair's own text refers to, if one is known and visible."""
    referred = next((scene_object.index for scene_object in question.pairs[index].objects if scene_object.referred), 0)
    return (question.masks(index, height, width) or {}).get(referred)
