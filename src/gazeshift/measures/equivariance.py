"""Does a map follow what it looks at, or does it stay at the centre? Shift the content and see."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gazeshift.measures.where import PerMap

Places = Float[np.ndarray, "*#b n 2"]


@dataclass(frozen=True)
class EquivarianceSlope:
    """How far the centroid of a map moves when the content moves by 1; NaN if the remaining shifts do not vary.

    Attributes:
        slope: both axes together: 1 follows the content, 0 is locked to its place. Outside 0 to 1 the map overshoots, or moves the
            opposite way.
        x: along x only.
        y: along y only.
        n: number of shifts included: the map and the shift were defined.
    """

    slope: PerMap
    x: PerMap
    y: PerMap
    n: Int[np.ndarray, "*#b"]


def equivariance(shifts: Places, centroids: Places) -> EquivarianceSlope:
    """Regress a map's centroid on the shift of the content, by least squares with one intercept per axis and one slope for both.

    For one image (or each of a batch, along leading axes): crop it at ``n`` places, without padding, and compute a map of each. An
    intercept per image means that the object's position does not matter. Invariant to the origin of shifts and centroids, and to
    swapping the axes; undefined maps (NaN centroids) are left out.

    Args:
        shifts: how far the content moves, ``(x, y)``, in the coordinates of the map, [-1, 1] from edge to edge: a window that moves by one
            cell of an 8 x 8 grid to the right moves the content by -0.25.
        centroids: of the maps, ``centroid(p)``.

    Example:
        >>> shifts = np.array([[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
        >>> result = equivariance(shifts, 0.1 + 0.8 * shifts)
        >>> round(float(result.slope), 12), int(result.n)
        (0.8, 5)
    """
    shifts, centroids = np.broadcast_arrays(
        np.asarray(shifts, dtype=np.float64), np.asarray(centroids, dtype=np.float64)
    )
    defined = (np.isfinite(shifts) & np.isfinite(centroids)).all(-1, keepdims=True)
    moved, followed = _centred(shifts, defined), _centred(centroids, defined)
    together, alone = (moved * followed).sum(-2), (moved**2).sum(-2)
    return EquivarianceSlope(
        slope=_ratio(np.asarray(together.sum(-1)), np.asarray(alone.sum(-1))),
        x=_ratio(np.asarray(together[..., 0]), np.asarray(alone[..., 0])),
        y=_ratio(np.asarray(together[..., 1]), np.asarray(alone[..., 1])),
        n=np.asarray(defined[..., 0].sum(-1)),
    )


def _centred(values: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Deviations from the mean of the defined values, 0 elsewhere and exactly 0 along an axis that does not vary."""
    count = np.maximum(defined.sum(-2, keepdims=True), 1)
    filled = np.where(defined, values, 0)
    varies = np.where(defined, values, -np.inf).max(-2, keepdims=True) > np.where(defined, values, np.inf).min(
        -2, keepdims=True
    )
    return np.asarray(np.where(defined & varies, filled - filled.sum(-2, keepdims=True) / count, 0))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> PerMap:
    return np.asarray(top / np.where(bottom > 0, bottom, np.nan))
