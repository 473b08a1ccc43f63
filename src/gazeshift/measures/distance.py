"""How far apart two maps are."""

import numpy as np

from gazeshift.measures.where import Maps, PerMap, entropy


def jensen_shannon(p: Maps, q: Maps) -> PerMap:
    """Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for disjoint ones; symmetric; NaN if either is undefined.

    ``H((p + q) / 2) - (H(p) + H(q)) / 2`` (Lin, "Divergence measures based on the Shannon entropy", 1991). Its square root is a metric,
    the Jensen-Shannon distance.

    Args:
        p: distributions over cells.
        q: the same shape, or one that broadcasts.

    Example:
        >>> p = np.array([[1.0, 0.0]])
        >>> float(jensen_shannon(p, np.array([[0.0, 1.0]]))), float(jensen_shannon(p, p))
        (1.0, 0.0)
    """
    mixture = entropy((p + q) / 2)
    return np.asarray(np.clip(mixture - (entropy(p) + entropy(q)) / 2, 0, 1))


def pearson(a: Maps, b: Maps) -> PerMap:
    """Correlation of two signed maps over cells, -1 to 1; NaN if either is constant. Invariant to scale and offset.

    Example:
        >>> round(float(pearson(np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0]]))), 12)
        -1.0
    """
    a, b = _standardised(a), _standardised(b)
    return np.asarray(np.clip((a * b).sum((-2, -1)), -1, 1))


def _standardised(raw: Maps) -> Maps:
    """Mean 0 and length 1 over cells, in float64; NaN where constant or not finite."""
    raw = np.where(np.isfinite(raw).all((-2, -1), keepdims=True), np.asarray(raw, dtype=np.float64), np.nan)
    # Divide by the peak before squaring: maps as small as 1e-200 or as large as 1e200 keep their shape.
    scaled = raw / _positive(np.abs(raw).max((-2, -1), keepdims=True))
    centred = scaled - scaled.mean((-2, -1), keepdims=True)
    return centred / _positive(np.sqrt((centred**2).sum((-2, -1), keepdims=True)))


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)
