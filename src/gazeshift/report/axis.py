"""An axis of the drawings: round ends, round ticks, and the position of a value; a page stretches it to any width."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

WIDTH = 1000.0
"""Width of a drawing in its own coordinates."""


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, with a tick every ``step``; the ends are ticks, and so is 0 if it lies between them."""

    low: float
    high: float
    step: float

    @classmethod
    def holding(cls, values: Iterable[float], share: float = 1.0, start: float | None = None) -> "Axis":
        """The shortest axis with round ends that holds the middle ``share`` of the finite values.

        Args:
            values: the values to cover; non-finite values are ignored.
            share: 0 to 1.
            start: its low end, regardless of the values.

        Example:
            >>> Axis.holding([0.02, 0.41, float("nan")]), Axis.holding([])
            (Axis(low=0.0, high=0.5, step=0.1), Axis(low=0.0, high=1.0, step=0.2))
        """
        finite = np.asarray(list(values), dtype=np.float64)
        finite = finite[np.isfinite(finite)]
        if not len(finite):
            return cls(0.0, 1.0, 0.2)
        low, high = np.quantile(finite, [(1 - share) / 2, (1 + share) / 2]).tolist()
        low = low if start is None else start
        step = _step(max(high - low, 1e-3))
        # A value on a tick needs no further one, whatever its last bits say.
        low, high = float(np.floor(low / step + 1e-9) * step), float(np.ceil(high / step - 1e-9) * step)
        return cls(low, high if high > low else low + step, step)

    @property
    def ticks(self) -> list[float]:
        """Round values to label, at most ten."""
        return [
            round(self.low + index * self.step, 10) for index in range(round((self.high - self.low) / self.step) + 1)
        ]

    def place(self, value: float) -> float:
        """The position of a value, 0 to ``WIDTH``; one beyond an end is clipped to it.

        Example:
            >>> Axis(-1.0, 1.0, 0.5).place(0.5), Axis(0.0, 1.0, 0.5).place(7.0)
            (750.0, 1000.0)
        """
        return float(np.clip((value - self.low) / (self.high - self.low), 0, 1) * WIDTH)


def _step(span: float) -> float:
    """A round tick distance that divides a span into three to seven parts."""
    power = 10.0 ** np.floor(np.log10(span / 3))
    return float(power * max(factor for factor in (1, 2, 5) if factor * power <= span / 3 * 1.0001))
