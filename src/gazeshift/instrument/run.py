"""The whole table: every row with every seed, expected against found."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gazeshift.instrument.expectations import EXPECTATIONS, Expectation
from gazeshift.instrument.lab import Lab
from gazeshift.instrument.rows import ROWS
from gazeshift.instrument.worlds import WORLDS
from gazeshift.json_types import Json
from gazeshift.registry import known_name, lookup


@dataclass(frozen=True)
class Check:
    """One expectation of a row and what was found.

    Attributes:
        expectation: the expectation fixed in advance.
        found: one value per seed.
    """

    expectation: Expectation
    found: tuple[float, ...]

    @property
    def met(self) -> bool:
        """Whether every seed is as expected."""
        return all(map(self.expectation.met, self.found))


@dataclass(frozen=True)
class RowResult:
    """A measured row.

    Attributes:
        name: in ``ROWS``.
        title: what the row is about.
        checks: its expectations.
        found: every quantity, one value per seed, including those without an expectation.
        seconds: time for all seeds, including the trainings that no earlier row needed.
    """

    name: str
    title: str
    checks: tuple[Check, ...]
    found: dict[str, tuple[float, ...]]
    seconds: float

    @property
    def met(self) -> bool:
        """Whether everything is as expected."""
        return all(check.met for check in self.checks)

    def to_dict(self) -> Json:
        """Plain values, for JSON; undefined and infinite ones are null."""
        return {
            "row": self.name,
            "title": self.title,
            "as_expected": self.met,
            "checks": [
                {
                    "quantity": check.expectation.quantity,
                    "expected": str(check.expectation),
                    "found": _plain(check.found),
                    "as_expected": check.met,
                }
                for check in self.checks
            ],
            "found": {name: _plain(values) for name, values in self.found.items()},
            "seconds": self.seconds,
        }


def _plain(values: Sequence[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


def run_instrument(
    world: str,
    seeds: Sequence[int],
    only: Sequence[str] = (),
    announce: Callable[[str | RowResult], None] = lambda what: None,
) -> list[RowResult]:
    """Measure rows of the table.

    Args:
        world: a name in ``WORLDS``.
        seeds: random seeds of scenes, weights and trainings; every one must be as expected.
        only: names in ``ROWS``; empty for all.
        announce: called for every training and every finished row.

    Raises:
        UsageError: an unknown row or world.
    """
    rows = {name: ROWS[name] for name in (known_name(ROWS, name, "row") for name in (only or ROWS))}
    place = lookup(WORLDS, world, "world")
    results = []
    with tempfile.TemporaryDirectory(prefix="gazeshift-instrument-") as folder:
        labs = [Lab(place, seed, Path(folder), announce) for seed in seeds]
        for name, row in rows.items():
            started = time.perf_counter()
            measured = [row.measure(lab) for lab in labs]
            found = {quantity: tuple(one[quantity] for one in measured) for quantity in measured[0]}
            asked = [e for e in EXPECTATIONS[name] if place.trains_trunk or not e.trunk]
            checks = tuple(Check(expectation, found[expectation.quantity]) for expectation in asked)
            results.append(RowResult(name, row.title, checks, found, time.perf_counter() - started))
            announce(results[-1])
    return results
