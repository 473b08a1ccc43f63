"""Where a map lies, against the regions of its picture: on what the text is about, and on what a changed text names."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.edits import Edited
from gazeshift.evaluation.question import Question, named_region, referred_mask
from gazeshift.measures import (
    distribution,
    mask_excess,
    mask_lift,
    mask_mass,
    pointing_chance,
    pointing_game,
    rank_accuracy,
)

OTHERS = 8
"""Other images whose masks a map is compared with."""

TOLERANCE = 1.0
"""Of the pointing game, in cells: the neighbours of a hit are hits, for its chance level too."""

OWN = ("pointing", "pointing_chance", "rank_accuracy", "blind_excess")
CHANGED = ("named_mass", "named_mass_before", "target_gain", "naming")
COLUMNS = ("mask_mass", "mask_area", "mask_lift", "mask_excess", "mask_other", "mask_prior", *OWN, *CHANGED)
"""All that is measured; NaN where it is not defined."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The maps of one text.

    Attributes:
        raw: the map with it, signed.
        p: the same as a distribution.
        before: the distribution with the pair's own text.
        blind: the image's map that no text changes, signed.
    """

    raw: Float[np.ndarray, "h w"]
    p: Float[np.ndarray, "h w"]
    before: Float[np.ndarray, "h w"]
    blind: Float[np.ndarray, "h w"]


def in_masks(question: Question, index: int, edit: str, edited: Edited, seen: Seen) -> dict[str, float]:
    """A map against the regions of its picture, by the names of ``COLUMNS``.

    ``mask_*`` are about the region that the pair's own text refers to. ``mask_other`` is the mass that the same map would put on the
    regions of other images: what always looking at one place would score; ``mask_excess`` is what the map has beyond that, and
    ``blind_excess`` the same of the map that no text changes. ``mask_prior`` is the mass that the training objects' own prior has in
    the region: the score of knowing where objects usually are. Pointing game and rank accuracy are measured for the own text only.

    ``named_*`` are about the region that the changed text refers to, whichever that is. ``target_gain`` is the mass that the region named
    by one of the pair's changed texts gains, with *this* text: so paraphrases of the own text have it, too, which is its noise. ``naming``
    is 1 for a text that names this region, 0 for all others.
    """
    nothing = dict.fromkeys(COLUMNS, float("nan"))
    shape = seen.p.shape
    own = referred_mask(question, index, *shape)
    if own is None:
        return nothing
    elsewhere = _masks_elsewhere(question, index, own)
    found = {"mask_mass": mask_mass(seen.p, own), "mask_area": own.mean(), "mask_lift": mask_lift(seen.p, own)}
    found["mask_excess"] = mask_excess(seen.p, own, elsewhere)
    found["mask_other"] = found["mask_mass"] - found["mask_excess"]
    if (prior := question.prior(*shape)) is not None:
        found["mask_prior"] = mask_mass(prior, own)
    if edit == "original":
        found |= _of_own_text(seen, own, elsewhere)
    found |= _of_changed_text(question, index, edited, seen)
    return nothing | {name: float(value) for name, value in found.items()}


def excess(question: Question, index: int, p: Float[np.ndarray, "h w"]) -> float:
    """What any distribution over the grid has in the region that a pair's own text refers to, beyond what it has in those of other pairs.

    The expected value is 0 for a distribution that does not depend on the image. NaN if the pair has no such region.
    """
    own = referred_mask(question, index, *p.shape)
    return float("nan") if own is None else float(mask_excess(p, own, _masks_elsewhere(question, index, own)))


def _masks_elsewhere(question: Question, index: int, own: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "n h w"]:
    others = [referred_mask(question, other, *own.shape) for other in _elsewhere(index, len(question.pairs))]
    return np.stack([np.zeros_like(own) if other is None else other for other in others] or [np.zeros_like(own)])


def _of_own_text(
    seen: Seen, own: Float[np.ndarray, "h w"], elsewhere: Float[np.ndarray, "n h w"]
) -> dict[str, np.ndarray]:
    return {
        "pointing": pointing_game(seen.p[None], own[None], TOLERANCE)[0],
        "pointing_chance": pointing_chance(own[None], TOLERANCE)[0],
        "rank_accuracy": rank_accuracy(seen.raw[None], own[None])[0],
        "blind_excess": mask_excess(distribution(seen.blind), own, elsewhere),
    }


def _of_changed_text(question: Question, index: int, edited: Edited, seen: Seen) -> dict[str, np.ndarray | float]:
    masks = question.masks(index, *seen.p.shape) or {}
    found: dict[str, np.ndarray | float] = {}
    if (named := masks.get(edited.refers or -1)) is not None:
        found |= {"named_mass": mask_mass(seen.p, named), "named_mass_before": mask_mass(seen.before, named)}
    region = named_region(question, index)
    if (target := masks.get(region or -1)) is not None:
        found["target_gain"] = mask_mass(seen.p, target) - mask_mass(seen.before, target)
        found["naming"] = float(edited.refers == region)
    return found


def _elsewhere(index: int, count: int) -> list[int]:
    """Up to ``OTHERS`` other pairs, spread over all of them, so that every class is among them."""
    return sorted({(index + 1 + step * count // OTHERS) % count for step in range(OTHERS)} - {index})
