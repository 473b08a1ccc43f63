"""Statistics of cell means: seeds and classes are the samples, images are not. Functions of arrays."""

from gazeshift.statistics.calibration import calibrate
from gazeshift.statistics.crossed import CrossedInterval, crossed_interval
from gazeshift.statistics.effect_size import auroc, cliffs_delta, cohens_dz
from gazeshift.statistics.equivalence import Equivalence, equivalence
from gazeshift.statistics.explore import Exploration, explore
from gazeshift.statistics.multiplicity import holm
from gazeshift.statistics.rates import Calibration
from gazeshift.statistics.resample import multi_bootstrap, sign_flip

__all__ = [
    "Calibration",
    "CrossedInterval",
    "Equivalence",
    "Exploration",
    "auroc",
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
