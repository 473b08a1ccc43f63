"""How wide one map is: concentration, inequality, the cells that hold most of it. Independent of where the cells are."""

import numpy as np

from gazeshift.errors import UsageError
from gazeshift.measures.where import Maps, PerMap, entropy
from gazeshift.rounding import EXACT


def concentration(p: Maps, bits: PerMap | None = None) -> PerMap:
    """``KL(P || U)`` in bits, 0 (uniform) to ``log2(cells)`` (one cell); higher: narrower. ``log2(cells) - entropy``.

    Invariant to any reordering of the cells; NaN maps give NaN. It is the total that ``information_split`` decomposes.

    Args:
        p: distributions over cells.
        bits: their ``entropy``, if already known.

    Example:
        >>> float(concentration(np.array([[0.5, 0.5], [0.0, 0.0]])))
        1.0
    """
    bits = entropy(p) if bits is None else bits
    return np.asarray(np.maximum(np.log2(p.shape[-2] * p.shape[-1]) - bits, 0))


def gini(p: Maps) -> PerMap:
    """Gini index over cells, 0 (uniform) to ``1 - 1 / cells`` (one cell); higher: narrower.

    ``sum_i (2 i - cells - 1) p_(i) / cells`` with the cells in ascending order (Hurley & Rickard, "Comparing measures of sparsity",
    2009). Invariant to any reordering of the cells; NaN maps give NaN.

    Example:
        >>> float(gini(np.array([[1.0, 0.0], [0.0, 0.0]])))
        0.75
    """
    ascending = np.sort(_flat(p), axis=-1)
    cells = ascending.shape[-1]
    weights = 2 * np.arange(1, cells + 1) - cells - 1
    return np.asarray(np.maximum((weights * ascending).sum(-1) / (cells * ascending.sum(-1)), 0))


def share_holding(p: Maps, mass: float = 0.8) -> PerMap:
    """Smallest share of the cells that together hold ``mass`` of a map, ``1 / cells`` to 1; higher: wider.

    Unlike the area above half the maximum, it is robust to one outlying cell. Invariant to any reordering of the cells; it moves in
    steps of ``1 / cells``. NaN maps give NaN.

    Args:
        p: distributions over cells.
        mass: above 0, at most 1.

    Raises:
        UsageError: ``mass`` is out of range.

    Example:
        >>> float(share_holding(np.array([[0.5, 0.3], [0.1, 0.1]])))
        0.5
    """
    if not 0 < mass <= 1:
        raise UsageError(f"share_holding: the mass must be above 0 and at most 1, not {mass}.")
    held = np.cumsum(np.sort(_flat(p), axis=-1)[..., ::-1], axis=-1)
    needed = 1 + (held < mass - EXACT).sum(-1)  # ten cells of 0.1 must reach a mass of 1
    return np.asarray(np.where(np.isnan(held[..., -1]), np.nan, needed / held.shape[-1]))


def _flat(p: Maps) -> np.ndarray:
    return np.asarray(p, dtype=np.float64).reshape(*p.shape[:-2], -1)
