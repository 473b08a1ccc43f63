"""How much of an answer's change comes along with the gaze alone: a total effect in three parts that add up to it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.rounding import beyond_rounding

Scores = Float[np.ndarray, "*#b"] | float


@dataclass(frozen=True)
class MediatedEffects:
    """What a change of the text does to a score, in units of the score; ``total == mediated + direct + interaction``, by construction.

    Values below the rounding of the four scores are exactly 0.

    Attributes:
        mediated: the old text with the new text's gaze, against the old text: what the gaze changes alone.
        direct: the new text with the old text's gaze, against the old text: what the text changes under the same gaze.
        interaction: what only both together change.
    """

    mediated: Scores
    direct: Scores
    interaction: Scores

    @property
    def total(self) -> Scores:
        """The new text with its gaze, against the old text with its own: the change of the answer."""
        return self.mediated + self.direct + self.interaction

    @property
    def share(self) -> Scores:
        """``mediated / total``: may be negative, or above 1; NaN where the total is 0."""
        total = np.asarray(self.total, dtype=np.float64)
        return np.asarray(np.asarray(self.mediated) / np.where(total == 0, np.nan, total))[()]

    @property
    def reverse(self) -> "MediatedEffects":
        """The effects of the way back, from the new text to the old one: of the same four scores, so they hold nothing new.

        Its mediated part is ``y(t1, a0) - y(t1, a1)``: what is lost when the new text has to do with the old text's gaze. It is
        ``-(mediated + interaction)``: the interaction goes along with the gaze on one of the ways, and not on the other.

        Example:
            >>> back = mediated_effects(0.0, 1.0, 2.0, 6.0).reverse
            >>> float(back.total), float(back.mediated), float(back.direct), float(back.interaction)
            (-6.0, -4.0, -5.0, 3.0)
        """
        return MediatedEffects(
            mediated=-(self.mediated + self.interaction) + 0.0,  # no -0.0
            direct=-(self.direct + self.interaction) + 0.0,
            interaction=self.interaction,
        )


def mediated_effects(before: Scores, gaze: Scores, text: Scores, after: Scores) -> MediatedEffects:
    """Split the change of a score between two texts into what the gaze, what the rest of the text, and what only both do.

    ``y(t, a(t'))`` is the score with text ``t`` and the gaze of ``t'``. ``total = y(t1, a1) - y(t0, a0)``, ``mediated = y(t0, a1) -
    y(t0, a0)`` (the pure indirect effect), ``direct = y(t1, a0) - y(t0, a0)`` (the pure direct effect) and ``interaction`` the rest,
    ``y(t1, a1) - y(t0, a1) - y(t1, a0) + y(t0, a0)`` (Pearl, "Direct and indirect effects", UAI 2001; VanderWeele, "A three-way
    decomposition of a total effect into direct, indirect, and interactive effects", Epidemiology 2013). Invariant to an offset of all four;
    scales with them; NaN if one of them is.

    Args:
        before: ``y(t0, a0)``, the old text with its own gaze.
        gaze: ``y(t0, a1)``, the old text with the new text's gaze.
        text: ``y(t1, a0)``, the new text with the old text's gaze.
        after: ``y(t1, a1)``, the new text with its own gaze.

    Example:
        >>> effects = mediated_effects(0.0, 1.0, 2.0, 6.0)
        >>> float(effects.total), float(effects.mediated), float(effects.direct), float(effects.interaction)
        (6.0, 1.0, 2.0, 3.0)
    """
    y00, y01, y10, y11 = (np.asarray(y, dtype=np.float64) for y in (before, gaze, text, after))
    largest = np.maximum(np.maximum(np.abs(y00), np.abs(y01)), np.maximum(np.abs(y10), np.abs(y11)))
    parts = (y01 - y00, y10 - y00, y11 - y01 - y10 + y00)
    return MediatedEffects(*(beyond_rounding(part, largest)[()] for part in parts))
