"""The smallest edit of a text that moves the gaze."""

from gazeshift.evaluation.smallest.changes import Change
from gazeshift.evaluation.smallest.find import LIMIT, smallest_edit
from gazeshift.evaluation.smallest.goals import GOALS
from gazeshift.evaluation.smallest.result import SmallestEdit
from gazeshift.evaluation.smallest.sources import SOURCES, TOP

__all__ = ["GOALS", "LIMIT", "SOURCES", "TOP", "Change", "SmallestEdit", "smallest_edit"]
