"""The smallest edit of a text that moves the gaze."""

from gazeshift.evaluation.smallest.find import smallest_edit
from gazeshift.evaluation.smallest.result import SmallestEdit

__all__ = ["SmallestEdit", "smallest_edit"]
