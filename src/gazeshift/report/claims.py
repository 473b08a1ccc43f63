"""The claims of a study as the page tells them: verdict, effect and evidence, read from ``summary.json`` and checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazeshift.drawing.numbers import number_or_none
from gazeshift.errors import DataError
from gazeshift.report.axis import Axis


@dataclass(frozen=True)
class Contrast:
    """One contrast: a claim's own, or one that stands beside it.

    Attributes:
        name: short.
        sentence: what is contrasted; above 0 speaks for the claim.
        unit: of effect and interval.
        effect: None if it was not measured.
        interval: 95 %, or None.
        n: images.
        needed: ``primary`` for a claim's own; ``sign`` or ``interval`` if the claim stands only with it; else ``no``.
        agrees: whether a needed one does.
    """

    name: str
    sentence: str
    unit: str
    effect: float | None
    interval: tuple[float, float] | None
    n: int | None
    needed: str
    agrees: bool | None = None


@dataclass(frozen=True)
class Forest:
    """Contrasts of one unit over the axis that this unit has on the whole page; ``margin`` is the claim's, None in another unit."""

    unit: str
    axis: Axis
    margin: float | None
    rows: list[Contrast]


_NUMBERS = ("margin", "p", "p_holm", "degrees_of_freedom", "d_z", "cliffs_delta")


@dataclass(frozen=True)
class Finding:
    """What a study found about a claim.

    Attributes:
        name: for example ``C1``.
        claim: the sentence that is claimed.
        verdict: supported, not supported, undecided or not testable.
        reason: why, in the study's words.
        primary: the contrast that was fixed before the results; of a claim with parts, that of the part which decides.
        seeds, classes: that enter.
        margin: an effect within it counts as none.
        p, p_holm: of the primary contrast, as it is and corrected over all primary contrasts.
        degrees_of_freedom: Satterthwaite's.
        equivalent, equivalence_p: of two one-sided tests against the margin.
        bootstrap: the interval again, by resampling seeds and classes.
        sign_flip_p: of flipping the signs of the training seeds' means.
        d_z: the effect over the standard deviation of the cells.
        cliffs_delta: the share of the cells above 0 minus the share below.
        notes: what else must be known.
        supports: contrasts that stand beside the primary one.
        decided_by: the part that decides; empty if the claim has none.
        parts: findings about its parts.
    """

    name: str
    claim: str
    verdict: str
    reason: str
    primary: Contrast
    seeds: int | None
    classes: int | None
    margin: float | None
    p: float | None
    p_holm: float | None
    degrees_of_freedom: float | None
    equivalent: bool | None
    equivalence_p: float | None
    bootstrap: tuple[float, float] | None
    sign_flip_p: float | None
    d_z: float | None
    cliffs_delta: float | None
    notes: list[str]
    supports: list[Contrast]
    decided_by: str
    parts: list["Finding"]

    @property
    def tested(self) -> list["Finding"]:
        """What was tested by itself: the parts, or the claim."""
        return self.parts or [self]

    @property
    def needed(self) -> list[Contrast]:
        """The contrasts without which the claim does not stand."""
        return [support for support in self.supports if support.needed != "no"]

    @property
    def why(self) -> str:
        """The reason without the effect and interval that it begins with, where the page has said them already.

        Example:
            >>> node = {"claim": "", "verdict": "", "effect": 1, "interval": [0.5, 2], "reason": "+1 [+0.5, +2], above 0."}
            >>> finding("C1", node, Path("summary.json")).why
            ', above 0.'
        """
        effect, interval = self.primary.effect, self.primary.interval
        said = "" if effect is None or interval is None else f"{effect:+.3g} [{interval[0]:+.3g}, {interval[1]:+.3g}]"
        return self.reason.removeprefix(said) if said else self.reason


def findings(claims: Mapping[str, Any], path: Path) -> list[Finding]:
    """All findings in the study's order.

    Args:
        claims: the section of ``summary.json``.
        path: of that file, for errors.

    Raises:
        DataError: a claim is not as ``gazeshift study`` writes it; the message names it.
    """
    return [finding(str(name), node, path) for name, node in claims.items()]


def finding(name: str, node: Any, path: Path) -> Finding:
    """One finding; whatever the section lacks but the claim and the verdict is None or empty.

    Raises:
        DataError: as ``findings``.
    """
    try:
        return _finding(name, node, path)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(
            f"{path}: 'claims.{name}' is not as this version of gazeshift writes it; run the study again with it."
        ) from None


def _finding(name: str, node: Mapping[str, Any], path: Path) -> Finding:
    equivalence = node.get("equivalence") or {}
    unit = str(node.get("unit") or "")
    return Finding(
        name=name,
        claim=str(node["claim"]),
        verdict=str(node["verdict"]),
        reason=str(node.get("reason") or ""),
        primary=_contrast({**node, "name": name, "sentence": node.get("contrast"), "needed": "primary"}, unit),
        seeds=_count(node.get("seeds")),
        classes=_count(node.get("classes")),
        **{key: number_or_none(node.get(key)) for key in _NUMBERS},
        equivalent=equivalence.get("equivalent"),
        equivalence_p=number_or_none(equivalence.get("p")),
        bootstrap=_interval(node.get("bootstrap")),
        sign_flip_p=number_or_none((node.get("sign_flip") or {}).get("p")),
        notes=[str(note) for note in node.get("notes") or []],
        supports=[_contrast(support, str(support.get("unit") or unit)) for support in node.get("supports") or []],
        decided_by=str(node.get("decided_by") or ""),
        parts=findings(node.get("parts") or {}, path),
    )  # fmt: skip


def primary_axes(found: Sequence[Finding]) -> dict[str, Axis]:
    """By unit, the axis of the claims' own contrasts; it holds all of them with their margins, so that lengths compare between claims."""
    return _axes(found, lambda one: [one.primary])


def forests(found: Sequence[Finding]) -> dict[str, list[Forest]]:
    """By name of what was tested: its contrasts, the primary one first, those of each unit over one axis.

    An axis holds every contrast of its unit on the page, and 0, so that lengths compare between claims.
    """
    axes = _axes(found, _rows)
    return {one.name: [_forest(one, unit, axes[unit]) for unit in _units(one)] for one in _tested(found)}


def _tested(found: Sequence[Finding]) -> list[Finding]:
    return [part for whole in found for part in whole.tested]


def _rows(one: Finding) -> list[Contrast]:
    return [one.primary, *one.supports]


def _units(one: Finding) -> list[str]:
    return list(dict.fromkeys(row.unit for row in _rows(one)))


def _forest(one: Finding, unit: str, axis: Axis) -> Forest:
    rows = [row for row in _rows(one) if row.unit == unit]
    return Forest(unit, axis, one.margin if unit == one.primary.unit else None, rows)


def _axes(found: Sequence[Finding], rows: Callable[[Finding], list[Contrast]]) -> dict[str, Axis]:
    """By unit, the axis that holds 0, the margins and some rows of each finding."""
    reaches: dict[str, list[float]] = {}
    for one in _tested(found):
        reaches.setdefault(one.primary.unit, [0.0]).extend([] if one.margin is None else [-one.margin, one.margin])
        for row in rows(one):
            reaches.setdefault(row.unit, [0.0]).extend(_values(row))
    return {unit: Axis.holding(values) for unit, values in reaches.items()}


def _values(row: Contrast) -> list[float]:
    return [] if row.effect is None else [row.effect, *(row.interval or ())]


def _contrast(node: Mapping[str, Any], unit: str) -> Contrast:
    return Contrast(
        name=str(node.get("name") or ""),
        sentence=str(node.get("sentence") or ""),
        unit=unit,
        effect=number_or_none(node.get("effect")),
        interval=_interval(node.get("interval")),
        n=_count(node.get("n")),
        needed=str(node.get("needed") or "no"),
        agrees=node.get("agrees"),
    )


def _interval(bounds: Any) -> tuple[float, float] | None:
    low, high = (number_or_none(bound) for bound in bounds or (None, None))
    return None if low is None or high is None else (low, high)


def _count(value: Any) -> int | None:
    number = number_or_none(value)
    return None if number is None else int(number)
