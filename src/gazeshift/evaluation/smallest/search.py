"""The search for the fewest changes that reach a goal: all edits of one and two changes, and a greedy one beyond.

It knows neither models nor maps: whoever asks says for each text how far beyond the goal it is.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
from jaxtyping import Float

from gazeshift.evaluation.smallest.changes import Changes, Edit, order
from gazeshift.rounding import ROUNDING

EXACT = 2
"""All edits of up to this many changes are tried, as far as they fit the limit."""
KEPT = 16
"""Beyond the exact sizes, how many of the best edits of a size are extended by one more change, besides the path of single best steps."""
_AT_ONCE = 1024

Ask = Callable[[Sequence[str]], Float[np.ndarray, " texts"]]
"""How far beyond the goal each of some texts is: above 0 where it is reached, NaN where the map is undefined."""


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        edit: the best edit: of the fewest changes that reach the goal, the one that goes farthest beyond it; if none reaches it, the one
            that comes closest.
        reached: whether it reaches the goal.
        exact: whether that is proven by trying all edits: if the goal is reached, all of up to as many changes as the edit has; else all of
            up to as many as were allowed.
        exhausted: all edits of up to this many changes were tried.
        tried: number of different texts that were tried, besides the whole text.
        undefined: how many of them have an undefined map.
        stopped: whether the limit ended the search.
    """

    edit: Edit
    reached: bool
    exact: bool
    exhausted: int
    tried: int
    undefined: int
    stopped: bool


@dataclass
class _Tries:
    """The texts that were tried."""

    changes: Changes
    ask: Ask
    limit: int
    progress: Callable[[int], None]
    values: dict[str, float] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        """How many, besides the whole text."""
        return max(0, len(self.values) - 1)

    @property
    def left(self) -> int:
        """How many may yet be tried."""
        return self.limit - self.tried

    def value(self, text: str) -> float:
        """Of one text; an undefined map is the farthest from any goal."""
        if text not in self.values:
            self.values[text] = float(self.ask([text])[0])
        return self.values[text]

    def scored(self, edits: Iterable[Edit]) -> list[tuple[Edit, float]]:
        """Edits with their values, each text asked about once, until the limit; some edits give the same text."""
        found: list[tuple[Edit, float]] = []
        every = iter(edits)
        while some := [(edit, self.changes.apply(edit)) for edit in islice(every, _AT_ONCE)]:
            new = list(dict.fromkeys(text for _, text in some if text not in self.values))[: self.left]
            if new:
                self.values.update(zip(new, map(float, self.ask(new)), strict=True))
                self.progress(self.tried)
            found += [(edit, _low(self.values[text])) for edit, text in some if text in self.values]
        return found


def search(
    changes: Changes, ask: Ask, most: int = 4, limit: int = 10**6, progress: Callable[[int], None] = lambda tried: None
) -> Outcome:
    """Find the fewest changes that reach a goal.

    All edits of one change are tried, then all of two, as long as they fit the limit. Beyond, the best edits of
    each size are extended by one more change (``KEPT`` of them, and those of the path that takes the best single step each time, so that
    the result is never worse than that path). The search ends with the first size that reaches the goal. Effects that differ by less than
    rounding are ties, which the order of the text decides, so that the result is the same on every processor.

    Args:
        changes: which may be made.
        ask: how far beyond the goal some texts are.
        most: changes at most.
        limit: different texts at most.
        progress: called with the number of texts tried so far.

    Example:
        >>> changes = Changes.of("one two three four")
        >>> outcome = search(changes, lambda texts: np.array([7.5 - len(text) for text in texts]))
        >>> changes.apply(outcome.edit), outcome.exact
        ('one two', True)
    """
    tries = _Tries(changes, ask, limit, progress)
    path: Edit = ()
    bests, frontier = [(path, _low(tries.value(changes.text)))], [path]
    exhausted, stopped = 0, False
    most = min(most, changes.places)
    for size in range(1, most + 1):
        if bests[-1][1] > 0:
            break
        whole = size <= EXACT and exhausted == size - 1 and changes.count(size) <= tries.left
        edits = changes.of_size(size) if whole else _extensions(changes, frontier)
        scored = tries.scored(edits)
        exhausted = size if whole else exhausted
        if not scored:
            stopped = True
            break
        bests.append(_best(scored))
        path = _best([each for each in scored if set(path) <= set(each[0])] or scored)[0]
        frontier = list(dict.fromkeys([*_several(scored), path]))
        stopped = tries.left <= 0 and size < most and bests[-1][1] <= 0
        if stopped:
            break
    edit, value = _best(bests)
    reached = value > 0
    return Outcome(
        edit=edit,
        reached=reached,
        exact=exhausted >= (len(edit) if reached else most),
        exhausted=exhausted,
        tried=tries.tried,
        undefined=sum(map(math.isnan, islice(tries.values.values(), 1, None))),
        stopped=stopped or (tries.left <= 0 and not reached and exhausted < most),
    )


def _low(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _best(scored: Sequence[tuple[Edit, float]]) -> tuple[Edit, float]:
    """The largest value; of those that rounding cannot tell from it, the first in ``order``.

    An edit that reaches the goal never yields to one that does not.
    """
    pool = [each for each in scored if each[1] > 0] or scored
    largest = max(value for _, value in pool)
    least = largest - ROUNDING * max(1.0, abs(largest)) if math.isfinite(largest) else largest
    return min((each for each in pool if each[1] >= least), key=lambda each: order(each[0]))


def _several(scored: Sequence[tuple[Edit, float]]) -> Iterator[Edit]:
    """The best few."""
    rest = list(scored)
    for _ in range(min(KEPT, len(rest))):
        best = _best(rest)
        rest.remove(best)
        yield best[0]


def _extensions(changes: Changes, frontier: Sequence[Edit]) -> Iterator[Edit]:
    """Every edit of the frontier with one more change, each once."""
    seen = set[Edit]()
    for edit in chain.from_iterable(map(changes.extended, frontier)):
        if edit not in seen:
            seen.add(edit)
            yield edit
