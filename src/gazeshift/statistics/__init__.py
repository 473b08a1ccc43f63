"""Statistics of cell means: seeds and classes are the samples, images are not. Functions of arrays."""

from gazeshift.statistics.crossed import Components, CrossedInterval, crossed_interval
from gazeshift.statistics.equivalence import Equivalence, equivalence
from gazeshift.statistics.multiplicity import benjamini_hochberg, holm

__all__ = [
    "Components",
    "CrossedInterval",
    "Equivalence",
    "benjamini_hochberg",
    "crossed_interval",
    "equivalence",
    "holm",
]
