"""Why a map changed: because the predicted class switched, or because the text re-weighted the evidence for the same class."""

from dataclasses import dataclass

import numpy as np

from gazeshift.measures.distance import jensen_shannon
from gazeshift.measures.where import Maps, PerMap, distribution
from gazeshift.rounding import beyond_rounding


@dataclass(frozen=True)
class Decomposition:
    """The change of a map between two texts, split into two parts. All in bits of Jensen-Shannon divergence.

    ``c0``, ``c1`` are the classes predicted with texts ``t0``, ``t1``; ``M_ij`` is the map of ``c_i`` under ``t_j``.

    Attributes:
        both: ``d(M00, M11)``, what a reader sees.
        switch: Shapley share of the class, ``(d(M00, M10) + d(M00, M11) - d(M00, M01)) / 2``; may be negative.
        within: Shapley share of the text at a fixed class, ``(d(M00, M01) + d(M00, M11) - d(M00, M10)) / 2``; may be negative.

    ``switch + within == both``. All shares are NaN if one of the four maps is undefined; ``both`` only if one of its two is.
    """

    both: PerMap
    switch: PerMap
    within: PerMap


def decompose(m00: Maps, m10: Maps, m01: Maps, m11: Maps) -> Decomposition:
    """Split the change from ``m00`` to ``m11`` (raw, signed maps) into class switch and within-class part.

    Two-player Shapley values of the distance from ``m00``, the players being the class and the text.

    Example:
        >>> a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
        >>> change = decompose(a, b, a, b)  # all of it from the class
        >>> float(change.switch), float(change.within)
        (1.0, 0.0)
    """
    start, switched, gated, end = (distribution(m) for m in (m00, m10, m01, m11))
    both = jensen_shannon(start, end)
    class_only = jensen_shannon(start, switched)
    text_only = jensen_shannon(start, gated)
    switch = (class_only + both - text_only) / 2
    within = (text_only + both - class_only) / 2
    return Decomposition(both, np.asarray(switch), np.asarray(within))


def interaction_share(m00: Maps, m10: Maps, m01: Maps, m11: Maps) -> PerMap:
    """How much of the change of a raw map is interaction: 0 (class and text act independently) to 1 (neither acts without the other).

    The change ``L11 - L00`` is the sum of ``L10 - L00`` (the class alone), ``L01 - L00`` (the text alone) and ``L11 - L10 - L01 + L00``
    (their interaction); this is the last term's share of their absolute values, summed over cells. Invariant to a common scale on all
    four maps and to one map added to all; NaN if nothing changes or a map is not finite.

    Args:
        m00: class before, text before.
        m10: class after, text before.
        m01: class before, text after.
        m11: class after, text after.

    Example:
        >>> one = np.ones((1, 2))
        >>> float(interaction_share(one, 2 * one, 3 * one, 4 * one)), float(interaction_share(one, 2 * one, 3 * one, 7 * one))
        (0.0, 0.5)
    """
    maps = [np.where(np.isfinite(m), np.asarray(m, dtype=np.float64), np.nan) for m in (m00, m10, m01, m11)]
    largest = np.maximum.reduce([np.abs(m).max((-2, -1), keepdims=True) for m in maps])
    start, switched, gated, end = maps
    parts = (switched - start, gated - start, end - switched - gated + start)
    # For maps that are mathematically equal, only rounding is left.
    class_alone, text_alone, together = (np.abs(beyond_rounding(part, largest)).sum((-2, -1)) for part in parts)
    total = class_alone + text_alone + together
    return np.asarray(together / np.where(total > 0, total, np.nan))
