"""How far, and why, the map of one image moved between two texts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.measures import amplitude_change, decompose, interaction_share
from gazeshift.saliency.maps import SaliencyMaps


@dataclass(frozen=True)
class Shift:
    """The change of a map between two texts, each for the class predicted with its own text.

    Attributes:
        js_bits: Jensen-Shannon divergence of the two maps in bits, 0 to 1.
        switch: the part of it that comes from the change of the predicted class; may be negative.
        within: the part that comes from re-weighting for the same class; may be negative. ``switch + within == js_bits``.
        amplitude: change of ``log sum ReLU(L)``.
        interaction: share of the raw map's change due to class and text jointly, beyond their separate effects; 0 to 1, NaN if
            nothing changes.
        switched: whether the predicted class changed.
        before: class predicted with the first text.
        after: class predicted with the second text.
        notes: further remarks on how a third-party model was explained, one sentence each; usually empty.

    Values are NaN where a map is undefined.
    """

    js_bits: float
    switch: float
    within: float
    amplitude: float
    interaction: float
    switched: bool
    before: str
    after: str
    notes: tuple[str, ...] = ()


def shift(maps: SaliencyMaps, first: int = 0, second: int = 1) -> Shift:
    """Measure the shift between two texts of one image and split it by its cause.

    Args:
        maps: as ``explain`` returns them.
        first: index of the first text.
        second: index of the second text.

    Raises:
        UsageError: a required map is missing; names it.
    """
    c0, c1 = maps.predicted_with(first), maps.predicted_with(second)
    m00, m10 = maps.raw[maps.row(first, c0)], maps.raw[maps.row(first, c1)]
    m01, m11 = maps.raw[maps.row(second, c0)], maps.raw[maps.row(second, c1)]
    return shift_of(m00, m10, m01, m11, maps.classes[c0], maps.classes[c1])


def shift_of(
    m00: Float[np.ndarray, "h w"],
    m10: Float[np.ndarray, "h w"],
    m01: Float[np.ndarray, "h w"],
    m11: Float[np.ndarray, "h w"],
    before: str,
    after: str,
) -> Shift:
    """The shift from its four raw maps, named as in ``decompose``: ``m10`` is of the class after (1) with the text before (0).

    Args:
        m00: class before, text before.
        m10: class after, text before.
        m01: class before, text after.
        m11: class after, text after.
        before: name of the class predicted with the text before.
        after: name of the class predicted with the text after.
    """
    parts = decompose(m00, m10, m01, m11)
    return Shift(
        js_bits=float(parts.both),
        switch=float(parts.switch),
        within=float(parts.within),
        amplitude=float(amplitude_change(m00, m11)),
        interaction=float(interaction_share(m00, m10, m01, m11)),
        switched=before != after,
        before=before,
        after=after,
    )
