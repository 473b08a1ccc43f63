"""Statistics of cell means: seeds and classes are the samples, images are not. Functions of arrays."""

from gazeshift.statistics.calibration import calibrate
from gazeshift.statistics.crossed import Components, CrossedInterval, crossed_interval
from gazeshift.statistics.effect_size import auroc, cliffs_delta, cohens_dz
from gazeshift.statistics.equivalence import Equivalence, equivalence
from gazeshift.statistics.explore import Exploration, FixedEffect, explore
from gazeshift.statistics.multiplicity import benjamini_hochberg, holm
from gazeshift.statistics.rates import Calibration
from gazeshift.statistics.resample import BootstrapInterval, SignFlip, multi_bootstrap, sign_flip
from gazeshift.statistics.scenarios import Grid

__all__ = [
    "BootstrapInterval",
    "Calibration",
    "Components",
    "CrossedInterval",
    "Equivalence",
    "Exploration",
    "FixedEffect",
    "Grid",
    "SignFlip",
    "auroc",
    "benjamini_hochberg",
    "calibrate",
    "cliffs_delta",
    "cohens_dz",
    "crossed_interval",
    "equivalence",
    "explore",
    "holm",
    "multi_bootstrap",
    "sign_flip",
]
