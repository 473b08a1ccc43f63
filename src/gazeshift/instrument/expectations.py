"""The expected results of each row, fixed before it is measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Expectation:
    """Bounds of one quantity of a row.

    Attributes:
        quantity: its name among the row's results.
        at_least: lower bound, or None.
        at_most: upper bound, or None.
        or_undefined: whether an undefined value (NaN) is also as expected.
        trunk: whether it needs a trained trunk; skipped with the oracle.
    """

    quantity: str
    at_least: float | None = None
    at_most: float | None = None
    or_undefined: bool = False
    trunk: bool = False

    def met(self, found: float) -> bool:
        """Whether a value is as expected."""
        if math.isnan(found):
            return self.or_undefined
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= found <= high

    def __str__(self) -> str:
        """The bounds in words, for example ``>= 0.9``."""
        parts = [f">= {self.at_least:g}"] if self.at_least is not None else []
        parts += [f"<= {self.at_most:g}"] if self.at_most is not None else []
        return " and ".join(parts) + (" or undefined" if self.or_undefined else "")


def _least(quantity: str, bound: float, **rest: bool) -> Expectation:
    return Expectation(quantity, at_least=bound, **rest)


def _most(quantity: str, bound: float, **rest: bool) -> Expectation:
    return Expectation(quantity, at_most=bound, **rest)


EXPECTATIONS: Mapping[str, tuple[Expectation, ...]] = {
    "irrelevant": (
        _most("accuracy over ceiling", 0.05),
        _most("raw map change", 0.10),
        _most("effect change ratio", 0.10),
    ),
    "colour": (
        _least("accuracy", 0.90),
        _most("linear: accuracy over ceiling", 0.05),
        _least("lift", 2.0),
        _least("named mass change", 0.10),
        _least("effect on referred", 0.50),
        _least("shift-faithfulness", 0.90),
        _most("linear: raw map change", 1e-5),
        _most("linear: effect change rms", 0.0),
        _most("eigen-cam: shift-faithfulness", 0.3, or_undefined=True),
        Expectation("regions dealt out: shift-faithfulness", -0.1, 0.1),
    ),
    "position": (
        _least("coordinates: accuracy", 0.85),
        _least("coordinates: named mass change", 0.10),
        _least("coordinates: shift-faithfulness", 0.90),
    ),
    "label": (
        _least("accuracy", 0.95),
        _most("within share", 0.10),
        _most("late: within share", 1e-5),
    ),
    "centre": (
        _least("centre bias followed", 0.5),
        _least("static share gained", 0.05),
        _least("habit of the pulled", 0.05, trunk=True),
    ),
    "shortcut": (
        _least("accuracy", 0.95),
        _least("accuracy lost at rho 0", 0.30),
        _most("accuracy lost, images permuted", 0.10),
        _least("accuracy lost, texts permuted", 0.50),
    ),
    "untrained": (
        Expectation("preference among dishes", 0.7, 1.4),
        Expectation("named mass change", -0.03, 0.03),
        _most("effect change rms", 0.05),
        Expectation("shift-faithfulness to the trained model", -0.3, 0.3, or_undefined=True),
    ),
    "sanity": (
        _least("intact: named mass change", 0.10),
        _most("random text encoder: named mass change", 0.03),
        _most("shuffled texts: named mass change", 0.03),
        _most("random head: named mass change", 0.03),
        _most("random head: similarity", 0.3),
        _most("cascade, 1 layer: similarity", 0.9, trunk=True),
        _most("cascade, all layers: similarity", 0.3, trunk=True),
    ),
}
