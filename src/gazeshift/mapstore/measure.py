"""The measures of a block of maps: of each alone, and of each against the first map of its image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from gazeshift.measures import (
    MAP_MEASURES,
    Measurable,
    amplitude_change,
    iou,
    jensen_shannon,
    measure_maps,
    pearson,
    undefined,
    wasserstein,
)

AGAINST_FIRST = (
    "js_bits",
    "js_distance",
    "pearson",
    "iou",
    "amplitude_change",
    "coverage_change",
    "switched",
    "wasserstein",
)
"""Measures of a map against the first map of the same image; the first itself has none."""


def measure_names() -> tuple[str, ...]:
    """The columns of measures: those of one map, ``MAP_MEASURES``, then those against the first."""
    return (*MAP_MEASURES, *AGAINST_FIRST)


@dataclass(frozen=True, eq=False)
class Measured:
    """The measures of some maps.

    Attributes:
        p: the maps as distributions, NaN where undefined.
        undefined: maps without positive evidence.
        values: one column for each of ``measure_names()``; NaN where undefined or not requested.
    """

    p: Float[np.ndarray, "n h w"]
    undefined: Bool[np.ndarray, " n"]
    values: Float[np.ndarray, "n measures"]


def measure(
    raw: Float[np.ndarray, "n h w"],
    first: Int[np.ndarray, " n"],
    switched: Bool[np.ndarray, " n"],
    transported: Int[np.ndarray, " some"],
) -> Measured:
    """Measure maps, as the functions of ``gazeshift.measures`` of the same names do.

    The entropy of every map is computed once, for its coverage, its concentration and its Jensen-Shannon divergence. Defaults are the
    functions' own: 80 % of the mass, a Gaussian prior of standard deviation 0.5, the highest fifth of the cells.

    Args:
        raw: signed maps.
        first: the row of the map that each is compared with; its own row for a first map.
        switched: whether the explained class differs from that of the first map.
        transported: rows to compute the Wasserstein distance for.
    """
    maps = Measurable(raw)
    found, p, bits = measure_maps(maps), maps.p, maps.bits
    rows = np.flatnonzero(first != np.arange(len(first)))
    before = first[rows]
    divergence = jensen_shannon(p[rows], p[before], (bits[rows], bits[before]))
    against = {
        "js_bits": divergence,
        "js_distance": np.sqrt(divergence),
        "pearson": pearson(raw[rows], raw[before]),
        "iou": iou(raw[rows], raw[before]),
        "amplitude_change": amplitude_change(raw[before], raw[rows]),
        "coverage_change": found["coverage"][rows] - found["coverage"][before],
        "switched": switched[rows],
    }
    names = measure_names()
    values = np.full((len(raw), len(names)), np.nan)
    for place, name in enumerate(names):
        if name in found:
            values[:, place] = found[name]
        elif name in against:
            values[rows, place] = against[name]
    values[transported, names.index("wasserstein")] = wasserstein(p[transported], p[first[transported]])
    return Measured(p, undefined(raw), values)
