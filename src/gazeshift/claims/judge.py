"""From evidence to a verdict: rules, not judgement. Supported, not supported, undecided or not testable, with the reason in a sentence."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gazeshift.claims.evidence import evidence_for
from gazeshift.claims.register import CLAIMS, LEVEL, MIN_SEEDS, Claim
from gazeshift.claims.support import Evidence, Support
from gazeshift.claims.tables import Cells, Tables
from gazeshift.claims.verdict import Contrast, MarginTest, SignFlips, Verdict, Word
from gazeshift.statistics import (
    CrossedInterval,
    Equivalence,
    cliffs_delta,
    cohens_dz,
    crossed_interval,
    equivalence,
    holm,
    multi_bootstrap,
    sign_flip,
)

BOOTSTRAP_DRAWS = 2000
C4_PARTS = ("C4a", "C4b")


@dataclass(frozen=True)
class _Measured:
    """A contrast with its interval; None where there is nothing to compute one from."""

    cells: Cells
    interval: CrossedInterval | None

    @property
    def effect(self) -> float:
        return float("nan") if self.interval is None else self.interval.mean


def judge(tables: Tables) -> dict[str, Verdict]:
    """The verdict on every claim, ``C0`` to ``C5``; ``C4`` has parts, C4a and C4b, and takes the weaker of their verdicts."""
    evidence = {name: evidence_for(name, tables) for name in CLAIMS}
    measured = {name: _measure(found.primary) for name, found in evidence.items()}
    tested = [name for name, found in measured.items() if found.interval is not None and not evidence[name].missing]
    tested = [name for name in tested if math.isfinite(_p(measured[name]))]
    corrected = (
        dict(zip(tested, holm(np.array([_p(measured[name]) for name in tested])), strict=True)) if tested else {}
    )
    verdicts = {
        name: _verdict(name, evidence[name], measured[name], float(corrected.get(name, np.nan)), len(tables.seeds))
        for name in CLAIMS
    }
    parts = {name: verdicts.pop(name) for name in C4_PARTS}
    last = verdicts.pop("C5")
    return {**verdicts, "C4": _both(parts), "C5": last}


def _p(measured: _Measured) -> float:
    return float("nan") if measured.interval is None else measured.interval.p_value


def _measure(cells: Cells) -> _Measured:
    if not np.isfinite(cells.values).all(0).any():  # no class without an empty cell
        return _Measured(cells, None)
    return _Measured(cells, crossed_interval(cells.values))


def _verdict(name: str, evidence: Evidence, primary: _Measured, p_holm: float, seeds: int) -> Verdict:
    claim, interval = CLAIMS[name], primary.interval
    supports = [(support, _measure(support.cells)) for support in evidence.supports]
    equal = None if evidence.missing or interval is None else equivalence(interval, claim.margin)
    if interval is None or equal is None:
        why = evidence.missing or "every class has an empty cell: too many of the maps are undefined"
        word, reason = _not_testable(why)
    else:
        word, reason = _decide(claim, interval, equal, p_holm, supports, seeds)
    return Verdict(
        name=name,
        claim=claim.sentence,
        verdict=word,
        effect=_number(primary.effect),
        interval=_bounds(interval),
        n=primary.cells.images,
        seeds=seeds,
        classes=0 if interval is None else interval.classes,
        dropped_classes=0 if interval is None else interval.dropped_classes,
        reason=reason,
        contrast=claim.contrast,
        unit=claim.unit,
        margin=claim.margin,
        p=_number(_p(primary)),
        p_holm=_number(p_holm),
        degrees_of_freedom=None if interval is None else _number(interval.degrees_of_freedom),
        pooled=() if interval is None else interval.pooled,
        equivalence=None if equal is None else MarginTest(equivalent=equal.equivalent, p=_number(equal.p_value)),
        bootstrap=_bootstrap(primary),
        sign_flip=_sign_flip(primary),
        d_z=None if interval is None else _number(cohens_dz(primary.cells.values)),
        # Against 0, because the differences are paired: the share of cells above it minus the share below.
        cliffs_delta=None if interval is None else _number(cliffs_delta(primary.cells.values, np.zeros(1))),
        notes=evidence.notes,
        supports=tuple(
            _contrast(support, found, found.interval, claim.margin)
            for support, found in supports
            if found.interval is not None
        ),
    )


def _not_testable(why: str) -> tuple[Word, str]:
    return "not testable", f"{why[0].upper()}{why[1:]}."


def _decide(
    claim: Claim,
    interval: CrossedInterval,
    equal: Equivalence,
    p_holm: float,
    supports: list[tuple[Support, _Measured]],
    seeds: int,
) -> tuple[Word, str]:
    said = _interval_words(interval)
    if seeds < MIN_SEEDS:
        return (
            "undecided",
            f"{said}, but from {seeds} training seed{'s' * (seeds > 1)}; a verdict on a kind of model needs {MIN_SEEDS}.",
        )
    if equal.equivalent:
        return (
            "not supported",
            f"{said}: smaller than the margin of {claim.margin:g} (two one-sided tests, p {_p_words(equal.p_value)}).",
        )
    if interval.high < 0:
        return "not supported", f"{said}: the effect has the opposite sign."
    if interval.low <= 0 or not p_holm < LEVEL:
        return "undecided", (
            f"{said}: not shown to be above 0 (Holm-corrected p {_p_words(p_holm)}), nor to lie within the margin of {claim.margin:g}."
        )
    against = [(support, found) for support, found in supports if not _agrees(support, found, claim.margin)]
    if against:
        named = "; ".join(f"{support.name} ({_found_words(found)})" for support, found in against)
        return (
            "undecided",
            f"{said}, above 0 (Holm-corrected p {_p_words(p_holm)}), but required contrasts disagree: {named}.",
        )
    return "supported", f"{said}, above 0 (Holm-corrected p {_p_words(p_holm)}){_agreed(supports)}."


def _agrees(support: Support, found: _Measured, margin: float) -> bool:
    if support.needed == "no":
        return True
    if found.interval is None:
        return False
    if support.needed == "null":
        return equivalence(found.interval, support.margin or margin).equivalent
    return found.interval.low > 0 if support.needed == "interval" else found.interval.mean > 0


def _agreed(supports: list[tuple[Support, _Measured]]) -> str:
    needed = [support.name for support, _ in supports if support.needed != "no"]
    return f"; {', '.join(needed)} agree" if needed else ""


def _found_words(found: _Measured) -> str:
    if found.interval is None:
        return "not measured"
    return _interval_words(found.interval)


def _interval_words(interval: CrossedInterval) -> str:
    if not math.isfinite(interval.low):
        return f"{interval.mean:+.3g} (a single cell has no interval)"
    return f"{interval.mean:+.3g} [{interval.low:+.3g}, {interval.high:+.3g}]"


def _p_words(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _both(parts: Mapping[str, Verdict]) -> Verdict:
    """C4 holds if both of its parts hold, and fails if one of them fails."""
    order: Sequence[Word] = ("not testable", "not supported", "undecided", "supported")
    weakest = min(parts.values(), key=lambda part: order.index(part.verdict))
    return Verdict(
        name="C4",
        claim="Colour texts widen the map and matter more than position texts.",
        verdict=weakest.verdict,
        effect=weakest.effect,
        interval=weakest.interval,
        n=weakest.n,
        seeds=weakest.seeds,
        reason=" ".join(
            f"{part.name}, {part.claim[:-1].lower()}: {part.verdict}: {part.reason}" for part in parts.values()
        ),
        contrast=weakest.contrast,
        unit=weakest.unit,
        decided_by=weakest.name,
        parts=dict(parts),
    )


def _contrast(support: Support, found: _Measured, interval: CrossedInterval, margin: float) -> Contrast:
    return Contrast(
        name=support.name,
        sentence=support.sentence,
        unit=support.unit,
        effect=_number(found.effect),
        interval=_bounds(interval),
        p=_number(interval.p_value),
        equivalent=_equivalent(support, interval, margin),
        n=support.cells.images,
        needed=support.needed,
        agrees=_agrees(support, found, margin),
    )


def _equivalent(support: Support, interval: CrossedInterval, margin: float) -> bool | None:
    """Whether a contrast lies within its own margin, or the claim's where it is in the claim's unit; None where there is no margin."""
    own = support.margin if support.unit else margin
    return None if own is None else equivalence(interval, own).equivalent


def _bootstrap(primary: _Measured) -> tuple[float, float] | None:
    """Cross-check: the interval of a bootstrap over seeds and classes."""
    values = primary.cells.values
    whole = values[:, np.isfinite(values).all(0)]
    if primary.interval is None or min(whole.shape) < 2:
        return None
    found = multi_bootstrap(whole, BOOTSTRAP_DRAWS, np.random.default_rng(0))
    return found.low, found.high


def _sign_flip(primary: _Measured) -> SignFlips | None:
    """Cross-check on the seeds' means: could each equally well have the opposite sign?"""
    values = primary.cells.values
    whole = values[:, np.isfinite(values).all(0)]
    if primary.interval is None or whole.size == 0:
        return None
    found = sign_flip(whole.mean(1))
    return SignFlips(p=found.p_value, smallest_p=found.smallest_p)


def _bounds(interval: CrossedInterval | None) -> tuple[float, float] | None:
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return None
    return float(interval.low), float(interval.high)


def _number(value: float) -> float | None:
    """None for NaN, which JSON lacks."""
    return float(value) if math.isfinite(value) else None
