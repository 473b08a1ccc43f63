"""What an edit is to reach: the map off a region, onto it, elsewhere at all, or another class. One dict of the goals."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gazeshift.errors import UsageError
from gazeshift.measures import jensen_shannon, mask_mass


@dataclass(frozen=True, eq=False)
class Looks:
    """What a model does with some texts on one picture.

    Attributes:
        logits: of each text, all classes.
        target: the output whose map is explained.
        p: the maps as distributions over cells; NaN where undefined. Without cells if no map was asked for.
    """

    logits: Float[np.ndarray, "texts classes"]
    target: Int[np.ndarray, " texts"]
    p: Float[np.ndarray, "texts h w"]


@dataclass(frozen=True, eq=False)
class Start:
    """The whole text, from which everything is measured.

    Attributes:
        p: its map as a distribution.
        region: share of each cell that lies in the region; 0 everywhere if none is named.
        predicted: the class predicted with it.
        wanted: the class that is to be predicted; None for any other.
    """

    p: Float[np.ndarray, "h w"]
    region: Float[np.ndarray, "h w"]
    predicted: int
    wanted: int | None = None


Quantity = Callable[[Looks, Start], Float[np.ndarray, " texts"]]


@dataclass(frozen=True)
class Goal:
    """A kind of goal: a quantity that is to fall below a threshold, or to rise above one.

    Attributes:
        description: what is reached, in a few words.
        quantity: what is measured of each text; NaN where its map is undefined, which never reaches a goal.
        unit: what it is called in sentences.
        sign: 1 if it is to rise, -1 if it is to fall.
        margin: by how much, if no threshold is given; None for what is not about maps, whose threshold is 0.
        needs_region: whether it is about a region.
    """

    description: str
    quantity: Quantity
    unit: str
    sign: int
    margin: float | None
    needs_region: bool = False

    def threshold(self, before: float, to: float | None, by: float | None) -> float:
        """What the quantity is to pass.

        Args:
            before: the quantity with the whole text.
            to: the threshold itself.
            by: its distance from ``before`` instead.

        Raises:
            UsageError: both, one that this goal does not have, or a threshold that nothing can pass.

        Example:
            >>> round(GOALS["off"].threshold(0.5, None, None), 3), GOALS["onto"].threshold(0.5, 0.7, None)
            (0.4, 0.7)
        """
        if self.margin is None:
            if to is not None or by is not None:
                raise UsageError(
                    f"{self.unit} has no threshold: a class is predicted or not; name the class, or leave it out."
                )
            return 0.0
        if to is not None and by is not None:
            raise UsageError(
                f"{self.unit}: give the threshold itself (to), or its distance from before (by), not both."
            )
        if math.isnan(before) and (to is None or not self.needs_region):
            way = "give the threshold itself (to), or another target" if self.needs_region else "give another target"
            raise UsageError(
                f"the map of the whole text is undefined: it looks nowhere, so it cannot move from there: {way}."
            )
        if to is not None:
            if not self._possible(to):
                raise UsageError(f"{self.unit} cannot come to lie {self.side} {to:g}: it lies from 0 to 1.")
            return float(to)
        distance = self.margin if by is None else by
        if not distance > 0:
            raise UsageError(f"{self.unit}: by={distance:g}: give a number above 0.")
        if not self._possible(before + self.sign * distance):
            raise UsageError(
                f"{self.unit} is {before:.3f} with the whole text and lies from 0 to 1, so it cannot change by {distance:g}: "
                "give a smaller distance (by), or the threshold itself (to)."
            )
        return before + self.sign * distance

    def _possible(self, threshold: float) -> bool:
        """Whether there is room between 0 and 1 on the side that is to be reached."""
        return 0 < threshold <= 1 if self.sign < 0 else 0 <= threshold < 1

    @property
    def side(self) -> str:
        """On which side of its threshold the goal is."""
        return "below" if self.sign < 0 else "above"


def mass(looks: Looks, start: Start) -> Float[np.ndarray, " texts"]:
    """Share of each map that lies on the region, 0 to 1."""
    return mask_mass(looks.p, start.region)


def moved(looks: Looks, start: Start) -> Float[np.ndarray, " texts"]:
    """Jensen-Shannon divergence of each map from that of the whole text, in bits."""
    return jensen_shannon(start.p, looks.p)


def lead(looks: Looks, start: Start) -> Float[np.ndarray, " texts"]:
    """By how many logits the wanted class leads all others; without one, the best other class leads that of the whole text.

    Above 0 it is predicted. NaN if any logit is.

    Example:
        >>> looks, cell = Looks(np.array([[3.0, 1.0, 2.0]]), np.array([0]), np.ones((1, 1, 1))), np.ones((1, 1))
        >>> float(lead(looks, Start(cell, cell, 0))[0]), float(lead(looks, Start(cell, cell, 0, wanted=1))[0])
        (-1.0, -2.0)
    """
    chosen = start.predicted if start.wanted is None else start.wanted
    rest = np.delete(looks.logits, chosen, axis=1).max(1)
    ahead = looks.logits[:, chosen] - rest
    return -ahead if start.wanted is None else ahead


GOALS: dict[str, Goal] = {
    "off": Goal("the map leaves the region", mass, "the share of the map on the region", -1, 0.1, needs_region=True),
    "onto": Goal("the map comes to the region", mass, "the share of the map on the region", 1, 0.1, needs_region=True),
    "shift": Goal("the map moves, wherever to", moved, "the divergence of the map (JS, bits)", 1, 0.1),
    "class": Goal("the predicted class switches", lead, "the lead of the new class (logits)", 1, None),
}
"""By name. ``off`` and ``onto``: the share of the map on a region falls, or rises, by 0.1, or past a threshold. ``shift``: the map lies 0.1
bits from that of the whole text. ``class``: another class is predicted, or a given one."""
