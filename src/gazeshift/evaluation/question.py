"""What every model of a study is evaluated on: the same pairs with the same texts, and masks where known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from gazeshift.data.regions.masks import REFERRED, region_masks
from gazeshift.edits import Edited, ModifiedText
from gazeshift.measures import mask_prior, mask_to_grid
from gazeshift.models import ImageFeatures, TextFeatures
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

ImageSource = Callable[[Sequence[int]], ImageFeatures]
TextSource = Callable[[Sequence[str]], TextFeatures]
ObjectMasks = Mapping[int, Float[np.ndarray, "h w"]]
Prior = Callable[[int, int], Float[np.ndarray, "h w"] | None]

UNIFORM_SHARE = 0.05
"""Uniform share of the object prior: a cell where no training object lay is unlikely, not impossible."""


def no_prior(height: int, width: int) -> None:
    """The prior of data without masks: unknown."""


@dataclass(frozen=True)
class Question:
    """What every model of a study is evaluated on: the pairs, their texts under each edit, and masks where known.

    Attributes:
        pairs: the explained test pairs.
        texts: per edit, one text per pair; None if the edit does not apply. ``original`` is the first edit.
        masks: per pair, share of each grid cell that each visible object covers; None where masks are unknown.
        method: the saliency method.
        wasserstein: number of changed texts for the Wasserstein-1 distance.
        crossed: per pair, its class name bare and with every matched modifier; empty if the study requests none.
        prior: where objects lie in other pairs, on a grid of some height and width; None if unknown.
    """

    pairs: Sequence[Pair]
    texts: Mapping[str, Sequence[Edited | None]]
    masks: Callable[[int, int, int], ObjectMasks | None]
    method: str
    wasserstein: int = 0
    crossed: Sequence[Sequence[ModifiedText]] = ()
    prior: Prior = no_prior

    def with_texts(self, texts: Mapping[str, Sequence[Edited | None]]) -> "Question":
        """The same question with different texts."""
        return replace(self, texts=texts)


class MaskReader:
    """Object masks on a map's grid, read once per pair and grid."""

    def __init__(self, crop: Preprocessing, pairs: Sequence[Pair]) -> None:
        self.crop = crop
        self.pairs = pairs
        self.known: dict[tuple[int, int, int], ObjectMasks] = {}

    def __call__(self, index: int, height: int, width: int) -> ObjectMasks | None:
        """Masks of the visible objects of a pair by their index, as shares of the cells of a grid; None where none are known.

        Under ``REFERRED`` there is what all objects that the pair's text refers to cover.
        """
        pair = self.pairs[index]
        if not pair.has_regions:
            return None
        key = (index, height, width)
        if key not in self.known:
            regions = region_masks(pair, self.crop)
            self.known[key] = {
                place: mask_to_grid(mask, height, width) for place, mask in regions.items() if mask.any()
            }
        return self.known[key]


def referred_mask(question: Question, index: int, height: int, width: int) -> Float[np.ndarray, "h w"] | None:
    """Mask of what a pair's own text refers to, if known and visible."""
    return (question.masks(index, height, width) or {}).get(REFERRED)


def named_region(question: Question, index: int) -> int | None:
    """The object that a changed text of a pair names and its own text does not: the first such text counts; None if there is none."""
    own = {each.index for each in question.pairs[index].objects if each.referred}
    every = (texts[index] for texts in question.texts.values())
    named = (edited.refers for edited in every if edited is not None and edited.refers is not None)
    return next((region for region in named if region not in own), None)


class ObjectPrior:
    """Where referred objects lie, as a distribution over cells: the location prior, from pairs other than the evaluated ones.

    Computed when first needed for a grid, and cached. It is the mean mask, with ``UNIFORM_SHARE`` of a uniform distribution mixed in.
    """

    def __init__(self, crop: Preprocessing, pairs: Sequence[Pair]) -> None:
        self.masks = MaskReader(crop, [pair for pair in pairs if pair.has_regions])
        self.known: dict[tuple[int, int], Float[np.ndarray, "h w"] | None] = {}

    def __call__(self, height: int, width: int) -> Float[np.ndarray, "h w"] | None:
        """The prior on a grid; None if no pair has a visible object that its text refers to."""
        if (height, width) not in self.known:
            pairs = self.masks.pairs
            found = ((self.masks(index, height, width) or {}).get(REFERRED) for index in range(len(pairs)))
            masks = [mask for mask in found if mask is not None]
            self.known[height, width] = mask_prior(np.stack(masks), UNIFORM_SHARE) if masks else None
        return self.known[height, width]
