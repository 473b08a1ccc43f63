"""Does a model look at the object that its text refers to? Compared with chance and with the ceiling of an oracle on the same grid."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from gazeshift.evaluation.checks.subject import Subject, own_maps, per_pair
from gazeshift.evaluation.in_masks import TOLERANCE
from gazeshift.evaluation.question import referred_mask
from gazeshift.measures import (
    beyond_chance,
    distribution,
    mask_mass,
    mass_ceiling,
    pointing_ceiling,
    pointing_chance,
    pointing_game,
    rank_accuracy,
    rank_ceiling,
    undefined,
)


def localisation(subject: Subject) -> pd.DataFrame:
    """Energy in the mask, rank accuracy and pointing game of every pair whose referred object is visible.

    Each as measured, by chance (``_chance``), by knowing only where objects are in the training pairs (``_prior``: the prior of
    objects instead of the map) and at best on the grid (``_ceiling``); and each of these corrected for chance (``_corrected``,
    ``_prior_corrected``, ``_ceiling_corrected``: 1 perfect, 0 chance). NaN where the map is undefined (counted, ``undefined``) or
    the object is not visible.
    """
    parts = []
    for shard in subject.shards:
        raw = own_maps(subject, shard).raw
        height, width = raw.shape[1:]
        empty, prior = np.zeros((height, width)), subject.question.prior(height, width)
        masks = [referred_mask(subject.question, index, height, width) for index in shard]
        filled = np.stack([empty if mask is None else mask for mask in masks])
        parts.append(per_pair(subject, shard, measures(raw, filled, empty if prior is None else prior)))
    return pd.concat(parts, ignore_index=True)


def measures(
    raw: Float[np.ndarray, "n h w"], masks: Float[np.ndarray, "n h w"], prior: Float[np.ndarray, "h w"]
) -> dict[str, np.ndarray]:
    """All measures of some maps against masks, by name.

    Args:
        raw: signed maps.
        masks: masks of the objects; empty if none is visible.
        prior: where objects usually are; all zeros, an undefined map, if unknown.
    """
    area = np.where(masks.any((1, 2)), masks.mean((1, 2)), np.nan)
    found, by_prior = _scores(raw, masks), _scores(np.broadcast_to(prior, raw.shape), masks)
    beside = {
        "energy": (area, mass_ceiling(masks)),
        "rank_accuracy": (area, rank_ceiling(masks)),
        "pointing": (pointing_chance(masks, TOLERANCE), pointing_ceiling(masks)),
    }
    out: dict[str, np.ndarray] = {"undefined": undefined(raw)}
    for name, (chance, ceiling) in beside.items():
        value = found[name]
        out |= {
            name: value,
            f"{name}_chance": chance,
            f"{name}_prior": by_prior[name],
            f"{name}_ceiling": ceiling,
            f"{name}_corrected": beyond_chance(value, chance),
            f"{name}_prior_corrected": beyond_chance(by_prior[name], chance),
            f"{name}_ceiling_corrected": beyond_chance(ceiling, chance),
        }
    return out


def _scores(raw: Float[np.ndarray, "n h w"], masks: Float[np.ndarray, "n h w"]) -> dict[str, np.ndarray]:
    p = distribution(raw)
    seen = np.where(masks.any((1, 2)), 1.0, np.nan)
    return {
        "energy": mask_mass(p, masks) * seen,
        "rank_accuracy": rank_accuracy(raw, masks),
        "pointing": pointing_game(p, masks, TOLERANCE),
    }
