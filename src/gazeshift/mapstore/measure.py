"""The measures of a block of maps: of each alone, and of each against the first map of its image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from gazeshift.measures import (
    amplitude,
    amplitude_change,
    centre_bias,
    centre_bias_parts,
    centre_prior,
    concentration,
    coverage,
    distribution,
    entropy,
    gini,
    iou,
    jensen_shannon,
    likelihood_ratio,
    pearson,
    share_holding,
    undefined,
    wasserstein,
)

ALONE = (
    "centre_bias",
    "centre_offset",
    "centre_spread",
    "coverage",
    "concentration",
    "gini",
    "share_holding",
    "likelihood_ratio_centre",
    "amplitude",
)
"""Measures of one map."""

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

MEASURES = (*ALONE, *AGAINST_FIRST)


@dataclass(frozen=True, eq=False)
class Measured:
    """The measures of some maps.

    Attributes:
        p: the maps as distributions, NaN where undefined.
        undefined: maps without positive evidence.
        values: one column for each of ``MEASURES``; NaN where undefined or not requested.
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
    p = distribution(raw)
    bits, parts = entropy(p), centre_bias_parts(p)
    found = {
        "centre_bias": centre_bias(p),
        "centre_offset": parts.offset,
        "centre_spread": parts.spread,
        "coverage": coverage(p, bits),
        "concentration": concentration(p, bits),
        "gini": gini(p),
        "share_holding": share_holding(p),
        "likelihood_ratio_centre": likelihood_ratio(p, centre_prior(*p.shape[-2:])),
        "amplitude": amplitude(raw),
    }
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
    values = np.full((len(raw), len(MEASURES)), np.nan)
    for place, name in enumerate(MEASURES):
        if name in found:
            values[:, place] = found[name]
        elif name in against:
            values[rows, place] = against[name]
    values[transported, MEASURES.index("wasserstein")] = wasserstein(p[transported], p[first[transported]])
    return Measured(p, undefined(raw), values)
