"""Given models compared map by map: the axis of the drawing, and the table."""

from collections.abc import Sequence
from typing import Any

from gazeshift.report.axis import Axis
from gazeshift.report.store import FinishedRun
from gazeshift.report.tables import Table
from gazeshift.runs.summary import Comparison


def comparison_axis(found: Sequence[Comparison]) -> Axis:
    """An axis that holds every median and interval, and 0."""
    values = [0.0]
    for each in found:
        for part in (each.js_bits, each.excess, *each.floors.values()):
            values += [value for value in (part.median, *(part.interval or ())) if value is not None]
    return Axis.holding(values)


def comparison_table(run: FinishedRun) -> Table:
    """``comparisons``: a row per two given models and measure; ``value`` is the median in bits, for ``differ`` a share."""
    rows: list[list[Any]] = []
    for each in run.summary.comparisons:
        medians = {
            "js_bits": each.js_bits,
            "excess": each.excess,
            **{f"floor of {name}": floor for name, floor in each.floors.items()},
        }
        found = {name: (part.median, part.interval, part.n) for name, part in medians.items()}
        found["differ"] = (each.differ.mean, each.differ.interval, each.differ.n)
        rows += [
            [each.first, each.second, name, value, *(interval or (None, None)), n]
            for name, (value, interval, n) in found.items()
        ]
    return Table("comparisons", ["first", "second", "measure", "value", "low", "high", "n"], rows)
