"""The measures of a block of maps: of each alone, and of each against the first map of its image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from gazeshift.measures import (
    amplitude,
    centre_bias,
    centre_bias_parts,
    distribution,
    entropy,
    pearson,
    undefined,
    wasserstein,
)

ALONE = ("centre_bias", "centre_offset", "centre_spread", "coverage", "concentration", "amplitude")
"""Measures of one map."""

AGAINST_FIRST = (
    "js_bits",
    "js_distance",
    "pearson",
    "amplitude_change",
    "coverage_change",
    "switched",
    "wasserstein",
)
"""Measures of a map against the first map of the same image; the first itself has none."""

MEASURES = (*ALONE, *AGAINST_FIRST)


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of some maps.

    Attributes:
        p: the maps as distributions, NaN where undefined.
        undefined: maps without positive evidence.
        values: a column for each of ``MEASURES``; NaN where undefined or not asked.
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

    The entropy of every map is taken once, for its coverage, its concentration and its Jensen-Shannon divergence.

    Args:
        raw: signed maps.
        first: the row of the map that each is compared with; its own for a first map.
        switched: whether the explained class is another than that of the first map.
        transported: rows to solve the transport of.
    """
    p = distribution(raw)
    bits, cells = entropy(p), p.shape[-2] * p.shape[-1]
    parts = centre_bias_parts(p)
    found = {
        "centre_bias": centre_bias(p),
        "centre_offset": parts.offset,
        "centre_spread": parts.spread,
        "coverage": np.exp2(bits) / cells,
        "concentration": np.maximum(np.log2(cells) - bits, 0),
        "amplitude": amplitude(raw),
    }
    rows = np.flatnonzero(first != np.arange(len(first)))
    before = first[rows]
    divergence = np.clip(entropy((p[rows] + p[before]) / 2) - (bits[rows] + bits[before]) / 2, 0, 1)
    against = {
        "js_bits": divergence,
        "js_distance": np.sqrt(divergence),
        "pearson": pearson(raw[rows], raw[before]),
        "amplitude_change": found["amplitude"][rows] - found["amplitude"][before],
        "coverage_change": found["coverage"][rows] - found["coverage"][before],
        "switched": switched[rows],
    }
    values = np.full((len(raw), len(MEASURES)), np.nan)
    for place, name in enumerate(MEASURES):
        if name in found:
            values[:, place] = found[name]
        elif name in against:
            values[rows, place] = against[name]
    values[transported, MEASURES.index("wasserstein")] = wasserstein(p[transported], p[first[transported]])
    return Measured(p, undefined(raw), values)
