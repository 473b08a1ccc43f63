"""The verdicts of a study as the page draws them: contrasts with the same unit share one axis, so that lengths can be compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gazeshift.claims.verdict import Contrast, Verdict
from gazeshift.report.axis import Axis


@dataclass(frozen=True)
class Forest:
    """Contrasts of one unit over the axis of this unit on the whole page; ``margin`` is the claim's, or None in another unit."""

    unit: str
    axis: Axis
    margin: float | None
    rows: list[Contrast]


def primary_axes(found: Sequence[Verdict]) -> dict[str, Axis]:
    """By unit, the axis of the claims' own contrasts; it covers all of them with their margins, so that lengths can be compared."""
    return _axes(found, lambda one: [one.primary])


def forests(found: Sequence[Verdict]) -> dict[str, list[Forest]]:
    """By claim: its contrasts, the primary one first, those of each unit over one axis.

    An axis covers every contrast of its unit on the page, and 0, so that lengths can be compared between claims.
    """
    axes = _axes(found, lambda one: one.contrasts)
    return {one.name: [_forest(one, unit, axes[unit]) for unit in _units(one)] for one in _tested(found)}


def _tested(found: Sequence[Verdict]) -> list[Verdict]:
    return [part for whole in found for part in whole.tested]


def _units(one: Verdict) -> list[str]:
    return list(dict.fromkeys(row.unit for row in one.contrasts))


def _forest(one: Verdict, unit: str, axis: Axis) -> Forest:
    rows = [row for row in one.contrasts if row.unit == unit]
    return Forest(unit, axis, one.margin if unit == one.unit else None, rows)


def _axes(found: Sequence[Verdict], rows: Callable[[Verdict], list[Contrast]]) -> dict[str, Axis]:
    """By unit, the axis that covers 0, the margins and some rows of each verdict."""
    reaches: dict[str, list[float]] = {}
    for one in _tested(found):
        reaches.setdefault(one.unit, [0.0]).extend([] if one.margin is None else [-one.margin, one.margin])
        for row in rows(one):
            reaches.setdefault(row.unit, [0.0]).extend(_values(row))
    return {unit: Axis.holding(values) for unit, values in reaches.items()}


def _values(row: Contrast) -> list[float]:
    return [] if row.effect is None else [row.effect, *(row.interval or ())]
