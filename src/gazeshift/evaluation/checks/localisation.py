"""Does a model look at the object that its text refers to? Beside chance and the ceiling of an oracle on the same grid."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from gazeshift.evaluation.checks.subject import Subject, own_maps, per_pair
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

TOLERANCE = 1.0
"""Of the pointing game, in cells: the four neighbours count as hits, and chance is counted likewise."""


def localisation(subject: Subject) -> pd.DataFrame:
    """Energy in the mask, rank accuracy and pointing game of every pair whose referred object is visible.

    Each as it is, by chance (``_chance``), corrected for it (``_corrected``: 1 perfect, 0 chance) and at best on the grid (``_ceiling``,
    ``_ceiling_corrected``). NaN where the map is undefined (counted, ``undefined``) or
    the object is not to be seen.
    """
    parts = []
    for shard in subject.shards:
        raw = own_maps(subject, shard).raw
        empty = np.zeros(raw.shape[1:])
        masks = [referred_mask(subject.question, index, raw.shape[1], raw.shape[2]) for index in shard]
        parts.append(
            per_pair(subject, shard, measures(raw, np.stack([empty if mask is None else mask for mask in masks])))
        )
    return pd.concat(parts, ignore_index=True)


def measures(raw: Float[np.ndarray, "n h w"], masks: Float[np.ndarray, "n h w"]) -> dict[str, np.ndarray]:
    """All measures of some maps against masks, by name."""
    p = distribution(raw)
    area = np.where(masks.any((1, 2)), masks.mean((1, 2)), np.nan)
    seen = np.where(np.isfinite(area), 1.0, np.nan)
    found = {
        "energy": (mask_mass(p, masks) * seen, area, mass_ceiling(masks)),
        "rank_accuracy": (rank_accuracy(raw, masks), area, rank_ceiling(masks)),
        "pointing": (
            pointing_game(p, masks, TOLERANCE),
            pointing_chance(masks, TOLERANCE),
            pointing_ceiling(masks),
        ),
    }
    out: dict[str, np.ndarray] = {"undefined": undefined(raw)}
    for name, (value, chance, ceiling) in found.items():
        out |= {
            name: value,
            f"{name}_chance": chance,
            f"{name}_ceiling": ceiling,
            f"{name}_corrected": beyond_chance(value, chance),
            f"{name}_ceiling_corrected": beyond_chance(ceiling, chance),
        }
    return out
