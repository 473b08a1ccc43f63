"""How far apart two maps are."""

import numpy as np
from jaxtyping import Float

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
    return np.clip(mixture - (entropy(p) + entropy(q)) / 2, 0, 1)


def pearson(a: Float[np.ndarray, "*b h w"], b: Float[np.ndarray, "*b h w"]) -> PerMap:
    """Correlation of two signed maps over cells, -1 to 1; NaN if either is constant.

    Example:
        >>> round(float(pearson(np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0]]))), 12)
        -1.0
    """
    a = a - a.mean((-2, -1), keepdims=True)
    b = b - b.mean((-2, -1), keepdims=True)
    scale = np.sqrt((a**2).sum((-2, -1)) * (b**2).sum((-2, -1)))
    return (a * b).sum((-2, -1)) / np.where(scale > 0, scale, np.nan)
