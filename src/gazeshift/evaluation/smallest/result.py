"""What a search for the smallest edit found, what of it is proven, and what limits it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from gazeshift.evaluation.smallest.asking import Asking
from gazeshift.evaluation.smallest.changes import Change, Changes, readable
from gazeshift.evaluation.smallest.goals import Goal, Start
from gazeshift.evaluation.smallest.search import EXACT, Outcome
from gazeshift.measures import jensen_shannon, mask_mass


@dataclass(frozen=True)
class Limits:
    """How far a search may go.

    Attributes:
        most: changes at most.
        limit: texts at most.
    """

    most: int
    limit: int


@dataclass(frozen=True, eq=False)
class SmallestEdit:
    """The fewest changes of a text that reach a goal, or those that come closest to it.

    Attributes:
        goal: name of the goal, in ``GOALS``.
        wanted: what was to be reached, in words.
        threshold: what the quantity was to pass.
        text: the whole text.
        new_text: the text with the changes.
        changes: the words changed, in the order of the text; none if the whole text reaches the goal, or if no change comes closer to it.
        before: the goal's quantity with the whole text: share of the map on the region (0 to 1), bits, or logits.
        after: the same with the changes; NaN where a map is undefined.
        reached: whether the goal is reached.
        exact: whether the answer is proven, by trying all edits: if the goal is reached, that none of fewer changes reaches it and none of
            as many goes farther; if not, that none of up to ``most`` changes reaches it. False: found greedily.
        exhausted: all edits of up to this many changes were tried.
        tried: number of texts tried, besides the whole text.
        undefined: how many of them have an undefined map, and so did not count as reaching it.
        unknown: substitutes left out because the model's tokenizer knows nothing in them.
        explained: the class (or combination) whose maps are compared: with the whole text, and with the changes.
        predicted: the class predicted with each.
        mass: share of each map on the region, 0 to 1; NaN without a region.
        js_bits: divergence of the two maps, 0 to 1.
        maps: the two raw signed maps.
        region: the region in the model's view of the picture; nowhere if none was named.
        area: its share of the grid: the mass of a uniform map.
        notes: what limits the answer, one sentence each.
    """

    goal: str
    wanted: str
    threshold: float
    text: str
    new_text: str
    changes: tuple[Change, ...]
    before: float
    after: float
    reached: bool
    exact: bool
    exhausted: int
    tried: int
    undefined: int
    unknown: tuple[str, ...]
    explained: tuple[str, str]
    predicted: tuple[str, str]
    mass: tuple[float, float]
    js_bits: float
    maps: Float[np.ndarray, "2 h w"]
    region: Bool[np.ndarray, "H W"]
    area: float
    notes: tuple[str, ...]

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """The whole text and what takes the place of its words, in parts: each ``same``, ``old`` or ``new``, and what it says.

        Example:
            >>> [part for part in pieces_of("a red pie", (Change(1, 2, 5, "red", "blue"), Change(2, 6, 9, "pie", None))) if part[1].strip()]
            [('same', 'a '), ('old', 'red'), ('new', 'blue'), ('old', 'pie')]
        """
        return pieces_of(self.text, self.changes)

    @property
    def outcome(self) -> str:
        """Whether the goal is reached and with how many changes, as a sentence."""
        if not self.reached:
            return f"Not reached: {self.wanted}. This comes closest."
        return f"Reached with {_number(len(self.changes))}: {self.wanted}."

    @property
    def proof(self) -> str:
        """What is proven and what is not, as a sentence."""
        changes, texts = len(self.changes), f"{self.tried:,} texts"
        if self.reached and not changes:
            return "Exact: the whole text is there already."
        if not (self.exact or self.exhausted):
            return f"Greedy: not even all edits with one change were tried ({texts} in all), so nothing is proven."
        tried = f"all edits with {_up_to(self.exhausted)} were tried ({texts} in all)"
        if self.exact and self.reached:
            fewer = "" if changes == 1 else "one change is not enough, and "
            return f"Exact: {tried}; {fewer}no other edit with {_number(changes)} goes farther."
        if self.exact:
            return f"Exact: {tried}; none reaches the goal."
        return f"Greedy: {tried}; none reaches the goal{self._beyond}."

    @property
    def _beyond(self) -> str:
        """What the greedy part of a search says."""
        changes = len(self.changes)
        if not self.reached:
            return ". Beyond, only the best edits of each size were taken further"
        if changes == self.exhausted + 1:
            return f", so {changes} are the fewest; another edit with {changes} may go farther"
        return f". Beyond, only the best edits of each size were taken further, so fewer changes than {changes} may do"


def pieces_of(text: str, changes: Sequence[Change]) -> tuple[tuple[str, str], ...]:
    """A text cut at its changes; see ``SmallestEdit.pieces``."""
    found, at = list[tuple[str, str]](), 0
    for change in changes:
        found += [
            ("same", text[at : change.start]),
            ("old", text[change.start : change.end]),
            ("new", change.new or ""),
        ]
        at = change.end
    return tuple(part for part in (*found, ("same", text[at:])) if part[1])


@dataclass(frozen=True, eq=False)
class Query:
    """What was asked.

    Attributes:
        name: of the goal.
        goal: the goal.
        threshold: what its quantity is to pass.
        start: the whole text.
        asking: the model.
        changes: those that were possible.
        region: in the model's view.
        unknown: substitutes left out.
        limits: of the search.
    """

    name: str
    goal: Goal
    threshold: float
    start: Start
    asking: Asking
    changes: Changes
    region: Bool[np.ndarray, "H W"]
    unknown: tuple[str, ...]
    limits: Limits

    @property
    def wanted(self) -> str:
        """What is to be reached, in words."""
        classes, start = self.asking.model.classes, self.start
        if self.goal.margin is not None:
            return f"{self.goal.unit} {self.goal.side} {self.threshold:.3f}"
        if start.wanted is not None:
            return f"predicted class {classes[start.wanted]}"
        return f"a predicted class other than {classes[start.predicted]}"

    def beyond(self, texts: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """How far beyond the goal the model is with each of some texts."""
        looks = self.asking(texts, maps=self.goal.margin is not None)
        return self.goal.sign * (self.goal.quantity(looks, self.start) - self.threshold)


def result_of(asked: Query, outcome: Outcome) -> SmallestEdit:
    """Everything about the best edit, measured once more beside the whole text."""
    edited = asked.changes.changes(outcome.edit)
    text, start, classes = asked.changes.text, asked.start, asked.asking.model.classes
    new_text = asked.changes.apply(outcome.edit) if edited else text
    looks, raw = asked.asking.maps([text, new_text])
    quantity = asked.goal.quantity(looks, start)
    mass = mask_mass(looks.p, start.region) if asked.region.any() else np.full(2, np.nan)
    predicted = [classes[index] for index in np.nan_to_num(looks.logits, nan=-np.inf).argmax(1)]
    return SmallestEdit(
        goal=asked.name,
        wanted=asked.wanted,
        threshold=asked.threshold,
        text=text,
        new_text=new_text,
        changes=edited,
        before=float(quantity[0]),
        after=float(quantity[1]),
        reached=outcome.reached,
        exact=outcome.exact,
        exhausted=outcome.exhausted,
        tried=outcome.tried,
        undefined=outcome.undefined,
        unknown=asked.unknown,
        explained=(asked.asking.outputs[looks.target[0]], asked.asking.outputs[looks.target[1]]),
        predicted=(predicted[0], predicted[1]),
        mass=(float(mass[0]), float(mass[1])),
        js_bits=float(jensen_shannon(looks.p[0], looks.p[1])),
        maps=raw,
        region=asked.region,
        area=float(start.region.mean()),
        notes=tuple(_notes(asked, outcome)),
    )


def _notes(asked: Query, outcome: Outcome) -> list[str]:
    most, limit = asked.limits.most, asked.limits.limit
    asking, changes, unknown = asked.asking, asked.changes, asked.unknown
    found = list(asking.remarks)
    missed = outcome.exhausted + 1
    if not outcome.exact and missed <= min(EXACT, most, changes.places):
        found.append(
            f"All edits of {_number(missed)} are {readable(changes.count(missed))} texts, more than the limit of {limit:,}: "
            "not all were tried."
        )
    if outcome.stopped:
        found.append(f"The search ended at the limit of {limit:,} texts.")
    if asking.reason is not None:
        found.append(f"The map of the whole text is undefined: {asking.reason}.")
    if outcome.undefined:
        found.append(f"{outcome.undefined:,} texts have an undefined map, which reaches no goal.")
    if unknown:
        shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        found.append(f"The tokenizer knows nothing in {len(unknown):,} substitutes ({shown}): they were left out.")
    if not outcome.reached and asking.model.structure is not None:
        found.append(asking.model.structure.sentence)
    return found


def _number(count: int) -> str:
    return {0: "no change", 1: "one change"}.get(count, f"{count} changes")


def _up_to(count: int) -> str:
    return {1: "one change", 2: "one or two changes"}.get(count, f"up to {count} changes")
