"""The measures of a block of maps: of each alone, and of each against the first map of its image."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from gazeshift.measures import (
    MAP_MEASURES,
    Measurable,
    iou,
    jensen_shannon,
    measure_maps,
    pearson,
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

    What several measures or several maps of an image need is computed once: the entropy of a map, the standardised first map. Defaults
    are the functions' own: 80 % of the mass, a Gaussian prior of standard deviation 0.5, the highest fifth of the cells.

    Args:
        raw: signed maps, image by image.
        first: the row of the map that each is compared with; its own row for a first map.
        switched: whether the explained class differs from that of the first map.
        transported: rows to compute the Wasserstein distance for.
    """
    maps = Measurable(raw)
    found, p = measure_maps(maps), maps.p
    names = measure_names()
    values = np.full((len(raw), len(names)), np.nan)
    for name, column in found.items():
        values[:, names.index(name)] = column
    for rows, before in _compared(first):
        for name, column in _against(maps, found, rows, before).items():
            values[rows, names.index(name)] = column
        values[rows, names.index("switched")] = switched[rows]
    values[transported, names.index("wasserstein")] = wasserstein(p[transported], p[first[transported]])
    return Measured(p, np.isnan(p).any((1, 2)), values)


def _compared(first: Int[np.ndarray, " n"]) -> Iterator[tuple[Int[np.ndarray, "i k"], Int[np.ndarray, "i 1"]]]:
    """The rows to compare and the first rows of their images: images with equally many maps together."""
    later = np.flatnonzero(first != np.arange(len(first)))
    heads, counts = np.unique(first[later], return_counts=True)
    for count in np.unique(counts):
        chosen = counts == count
        yield later[np.repeat(chosen, counts)].reshape(-1, count), heads[chosen][:, None]


def _against(
    maps: Measurable,
    alone: dict[str, Float[np.ndarray, " n"]],
    rows: Int[np.ndarray, "i k"],
    before: Int[np.ndarray, "i 1"],
) -> dict[str, Float[np.ndarray, "i k"]]:
    raw, p, bits = maps.raw, maps.p, maps.bits
    divergence = jensen_shannon(p[rows], p[before], (bits[rows], bits[before]))
    return {
        "js_bits": divergence,
        "js_distance": np.sqrt(divergence),
        "pearson": pearson(raw[rows], raw[before]),
        "iou": iou(raw[rows], raw[before]),
        "amplitude_change": alone["amplitude"][rows] - alone["amplitude"][before],
        "coverage_change": alone["coverage"][rows] - alone["coverage"][before],
    }
