"""Measures: functions of arrays. Undefined maps are NaN, never 0, never uniform."""

from gazeshift.measures.distance import jensen_shannon, pearson
from gazeshift.measures.figures import Figure, crossed_figure
from gazeshift.measures.shift import Decomposition, decompose, interaction
from gazeshift.measures.shift_faithfulness import ShiftFaithfulness, shift_faithfulness
from gazeshift.measures.where import (
    amplitude,
    centre_bias,
    centroid,
    coverage,
    distribution,
    entropy,
    mask_lift,
    mask_mass,
    mask_to_grid,
    undefined,
)

__all__ = [
    "Decomposition",
    "Figure",
    "ShiftFaithfulness",
    "amplitude",
    "centre_bias",
    "centroid",
    "coverage",
    "crossed_figure",
    "decompose",
    "distribution",
    "entropy",
    "interaction",
    "jensen_shannon",
    "mask_lift",
    "mask_mass",
    "mask_to_grid",
    "pearson",
    "shift_faithfulness",
    "undefined",
]
