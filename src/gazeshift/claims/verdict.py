"""What was found about a claim: a verdict and its contrasts, as ``summary.json`` holds them and a report shows them."""

from typing import Literal

from pydantic import Field

from gazeshift.records import Interval, Number, Record

Word = Literal["supported", "not supported", "undecided", "not testable"]
"""The possible verdicts on a claim."""

Needed = Literal["primary", "sign", "interval", "null", "no"]
"""``primary`` for a claim's own contrast; ``sign``, ``interval`` or ``null`` if the claim stands only with it; else ``no``."""


class Contrast(Record):
    """One contrast, either a claim's own or a supporting one.

    Attributes:
        name: a short name.
        sentence: what is contrasted; above 0 supports the claim.
        unit: unit of effect and interval; empty where it is the claim's.
        effect: None if it was not measured.
        interval: 95 %, or None.
        p: p-value of the effect against 0.
        equivalent: whether it is shown to lie within the claim's margin; None in another unit.
        n: number of images.
        needed: what the claim asks of it.
        agrees: whether a needed contrast agrees; None for a claim's own.
    """

    name: str = ""
    sentence: str = ""
    unit: str = ""
    effect: Number = None
    interval: Interval = None
    p: Number = None
    equivalent: bool | None = None
    n: int | None = None
    needed: Needed = "no"
    agrees: bool | None = None


class MarginTest(Record):
    """Two one-sided tests against the margin (TOST)."""

    equivalent: bool
    p: Number = None


class SignFlips(Record):
    """The test that flips the signs of the seeds' means; ``smallest_p`` is the smallest that this few seeds can give."""

    p: Number = None
    smallest_p: Number = None


class Verdict(Record):
    """What a study found about a claim.

    Attributes:
        name: for example ``C1``.
        claim: the sentence that is claimed.
        verdict: supported, not supported, undecided or not testable.
        effect: effect of the contrast that was fixed before the results; for a claim with parts, that of the deciding part.
        interval: 95 %, from crossed random effects of seed and class.
        n: number of images.
        seeds: number of training seeds.
        classes: number of classes included.
        dropped_classes: classes with an empty cell.
        reason: why, in a sentence.
        contrast: what is measured.
        unit: unit of effect, interval and margin.
        margin: an effect within it counts as none.
        p, p_holm: p-value of the primary contrast, uncorrected and corrected over all primary contrasts.
        degrees_of_freedom: Satterthwaite's degrees of freedom.
        pooled: the variance components that were pooled.
        equivalence: equivalence test of the effect against the margin.
        bootstrap: a second interval, by resampling seeds and classes.
        sign_flip: a second test, on the means of the seeds.
        d_z: the effect divided by the standard deviation of the cells.
        cliffs_delta: the share of the cells above 0 minus the share below.
        notes: caveats.
        supports: contrasts in addition to the primary one.
        decided_by: the part that decides; empty if the claim has none.
        parts: by name, what was found about its parts.

    Example:
        >>> Verdict(claim="The map follows the text.", verdict="supported", effect=0.4, interval=(0.3, 0.5)).primary.effect
        0.4
    """

    name: str = ""
    claim: str
    verdict: Word
    effect: Number = None
    interval: Interval = None
    n: int | None = None
    seeds: int | None = None
    classes: int | None = None
    dropped_classes: int = 0
    reason: str = ""
    contrast: str = ""
    unit: str = ""
    margin: Number = None
    p: Number = None
    p_holm: Number = None
    degrees_of_freedom: Number = None
    pooled: tuple[str, ...] = ()
    equivalence: MarginTest | None = None
    bootstrap: Interval = None
    sign_flip: SignFlips | None = None
    d_z: Number = None
    cliffs_delta: Number = None
    notes: tuple[str, ...] = ()
    supports: tuple[Contrast, ...] = ()
    decided_by: str = ""
    parts: "dict[str, Verdict]" = Field(default_factory=dict)

    @property
    def primary(self) -> Contrast:
        """The claim's own contrast."""
        return Contrast(
            name=self.name,
            sentence=self.contrast,
            unit=self.unit,
            effect=self.effect,
            interval=self.interval,
            p=self.p,
            equivalent=None if self.equivalence is None else self.equivalence.equivalent,
            n=self.n,
            needed="primary",
        )

    @property
    def contrasts(self) -> list[Contrast]:
        """The claim's own contrast, then the supporting ones, each with its unit."""
        beside = [one if one.unit else one.model_copy(update={"unit": self.unit}) for one in self.supports]
        return [self.primary, *beside]

    @property
    def tested(self) -> "list[Verdict]":
        """What was tested by itself: the parts, or the claim."""
        return list(self.parts.values()) or [self]

    @property
    def needed(self) -> list[Contrast]:
        """The contrasts that the claim needs."""
        return [one for one in self.supports if one.needed != "no"]

    @property
    def why(self) -> str:
        """The reason without its leading effect and interval, for a caller that has already stated them.

        Example:
            >>> Verdict(claim="", verdict="supported", effect=1, interval=(0.5, 2), reason="+1 [+0.5, +2], above 0.").why
            ', above 0.'
        """
        if self.effect is None or self.interval is None:
            return self.reason
        low, high = self.interval
        return self.reason.removeprefix(f"{self.effect:+.3g} [{low:+.3g}, {high:+.3g}]")


def named(verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    """The same with each named by its key, and its parts too: files of older runs name them only by key."""
    return {
        name: found.model_copy(update={"name": name, "parts": named(found.parts)}) for name, found in verdicts.items()
    }
