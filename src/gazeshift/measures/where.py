"""Where one map looks. All on the native grid, batched, in float64; a map without positive evidence is undefined (NaN).

Coordinates are cell centres in [-1, 1], x to the right, y down.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from gazeshift.errors import UsageError

# "#": where a measure takes two arrays, their leading axes broadcast.
Maps = Float[np.ndarray, "*#b h w"]
PerMap = Float[np.ndarray, "*#b"]  # a single map gives an array without axes


def undefined(raw: Maps) -> Bool[np.ndarray, "*b"]:
    """Whether a signed map has no finite positive value, so that it points nowhere.

    Example:
        >>> undefined(np.array([[[-1.0, 0.0]], [[-1.0, 2.0]]])).tolist()
        [True, False]
    """
    finite = np.isfinite(raw).all((-2, -1))
    return np.asarray(~finite | ~(np.where(np.isfinite(raw), raw, 0) > 0).any((-2, -1)))


def distribution(raw: Maps) -> Maps:
    """``P = ReLU(L) / sum``: a map as a distribution over cells, summing to 1; NaN where undefined. Invariant to scale.

    Example:
        >>> distribution(np.array([[-5.0, 1.0, 3.0]])).tolist()
        [[0.0, 0.25, 0.75]]
    """
    positive = np.maximum(np.asarray(raw, dtype=np.float64), 0)
    # Divide by the maximum first: raw maps reach 1e10 and 1e-30, and their sum must neither overflow nor vanish.
    peak = np.where(undefined(raw), np.nan, positive.max((-2, -1)))[..., None, None]
    scaled = positive / peak
    return scaled / scaled.sum((-2, -1), keepdims=True)


def over_maximum(raw: Maps) -> Maps:
    """``ReLU(L) / max``: a map from 0 to 1, to draw; NaN where undefined. Invariant to scale.

    Example:
        >>> over_maximum(np.array([[-5.0, 1.0, 2.0]])).tolist()
        [[0.0, 0.5, 1.0]]
    """
    p = distribution(raw)
    return p / p.max((-2, -1), keepdims=True)


def check_distributions(p: Maps, asked_by: str) -> None:
    """Raise unless every map without a NaN is non-negative and sums to 1, within 1e-6.

    Raises:
        UsageError: some map is not a distribution; most likely it is a raw map.

    Example:
        >>> check_distributions(np.array([[0.25, 0.75]]), "coverage")
    """
    sums, least = p.sum((-2, -1)), p.min((-2, -1))
    if bool((np.abs(sums - 1) > 1e-6).any() or (least < 0).any()):
        raise UsageError(
            f"{asked_by} needs distributions over cells (not negative, summing to 1): pass distribution(raw)."
        )


def cell_centres(height: int, width: int) -> tuple[Float[np.ndarray, "h 1"], Float[np.ndarray, "1 w"]]:
    """Cell centres along y and along x.

    Example:
        >>> y, x = cell_centres(1, 4)
        >>> x.tolist()
        [[-0.75, -0.25, 0.25, 0.75]]
    """
    y = (2 * np.arange(height) + 1) / height - 1
    x = (2 * np.arange(width) + 1) / width - 1
    return y[:, None], x[None, :]


def centroid(p: Maps) -> Float[np.ndarray, "*b 2"]:
    """Mean position ``mu = (x, y)`` of a distribution.

    Example:
        >>> centroid(np.array([[0.0, 1.0], [0.0, 0.0]])).tolist()
        [0.5, -0.5]
    """
    y, x = cell_centres(*p.shape[-2:])
    return np.stack([(p * x).sum((-2, -1)), (p * y).sum((-2, -1))], axis=-1)


def centre_bias(p: Maps) -> PerMap:
    """``1 - R2 / R2_uniform`` with ``R2 = sum p |x|^2``: 1 if all mass is at the centre, 0 for a uniform map, negative in the corners.

    It is not the distance of the centroid, which is 0 for a uniform map and for one that looks at two opposite corners. Invariant to
    flips and quarter turns. ``R2 = |mu|^2 + tr Sigma``. On an even grid no cell lies at the centre, so the largest value is below 1.

    Args:
        p: distributions from ``distribution``; NaN maps give NaN.

    Example:
        >>> corner = np.zeros((3, 3)); corner[0, 0] = 1
        >>> centre = np.zeros((3, 3)); centre[1, 1] = 1
        >>> round(float(centre_bias(np.full((3, 3), 1 / 9))), 12), float(centre_bias(centre)), round(float(centre_bias(corner)), 12)
        (0.0, 1.0, -0.5)
    """
    squared, uniform = _squared_distances(*p.shape[-2:])
    return np.asarray(1 - (p * squared).sum((-2, -1)) / uniform)


@dataclass(frozen=True)
class CentreBiasParts:
    """Why a map is far from the centre: ``centre_bias == 1 - (offset + spread)``.

    Attributes:
        offset: ``|mu|^2 / R2_uniform``, 0 and up: the whole map lies off the centre.
        spread: ``tr Sigma / R2_uniform``, 0 and up: the map is wide around its own centroid; 1 for a uniform map.
    """

    offset: PerMap
    spread: PerMap


def centre_bias_parts(p: Maps) -> CentreBiasParts:
    """``R2 = |mu|^2 + tr Sigma``, both over ``R2_uniform``. Invariant to flips and quarter turns; NaN maps give NaN.

    Example:
        >>> parts = centre_bias_parts(np.array([[0.0, 1.0], [0.0, 0.0]]))  # one cell, off the centre
        >>> float(parts.offset), float(parts.spread)
        (1.0, 0.0)
    """
    squared, uniform = _squared_distances(*p.shape[-2:])
    offset = (centroid(p) ** 2).sum(-1)
    # The spread is a difference of two close numbers for a narrow map: rounding must not make it negative.
    spread = np.maximum((p * squared).sum((-2, -1)) - offset, 0)
    return CentreBiasParts(np.asarray(offset / uniform), np.asarray(spread / uniform))


def _squared_distances(height: int, width: int) -> tuple[Float[np.ndarray, "h w"], float]:
    """``|x|^2`` of every cell, and its mean: ``R2`` of a uniform map (NaN on a grid of one cell, where nothing is off the centre)."""
    y, x = cell_centres(height, width)
    squared = x**2 + y**2
    return squared, float(squared.mean()) if height * width > 1 else float("nan")


def entropy(p: Maps) -> PerMap:
    """Entropy in bits, 0 to ``log2(cells)``.

    Example:
        >>> float(entropy(np.full((2, 2), 0.25)))
        2.0
    """
    with np.errstate(invalid="ignore"):
        # The logarithm of 1 where there is no mass: the term is 0 all the same, and zeros, about half of all cells, would be slow.
        terms = p * np.log2(np.where(p == 0, 1.0, p))
    return np.asarray(-terms.sum((-2, -1)) + 0.0)


def coverage(p: Maps, bits: PerMap | None = None) -> PerMap:
    """``2^H / cells``: the share of the grid that a map spreads over, from ``1 / cells`` (one cell) to 1 (uniform).

    Args:
        p: distributions over cells.
        bits: their ``entropy``, if already known.

    Example:
        >>> float(coverage(np.array([[0.5, 0.5], [0.0, 0.0]])))
        0.5
    """
    return np.asarray(np.exp2(entropy(p) if bits is None else bits) / (p.shape[-2] * p.shape[-1]))


def amplitude(raw: Maps) -> PerMap:
    """``log sum ReLU(L)``: the amount of positive evidence, regardless of location; NaN where undefined.

    Example:
        >>> round(float(amplitude(np.array([[np.e, -3.0]]))), 12)
        1.0
    """
    positive = np.maximum(np.asarray(raw, dtype=np.float64), 0)
    return np.asarray(np.log(np.where(undefined(raw), np.nan, positive.sum((-2, -1)))))


def mask_to_grid(mask: Bool[np.ndarray, "*b H W"], height: int, width: int) -> Float[np.ndarray, "*b h w"]:
    """Downsample a mask to a grid by area: each cell holds the share of its area that the mask covers, 0 to 1, exact for any sizes.

    Example:
        >>> mask_to_grid(np.array([[1, 0, 0], [1, 0, 0]], dtype=bool), 1, 2).round(6).tolist()
        [[0.666667, 0.0]]
    """
    rows = _overlap(mask.shape[-2], height)
    columns = _overlap(mask.shape[-1], width)
    return rows @ mask.astype(np.float64) @ columns.T


def _overlap(pixels: int, cells: int) -> Float[np.ndarray, "cells pixels"]:
    """Share of each cell that each pixel covers, along one axis; rows sum to 1."""
    edges = np.arange(cells + 1) * pixels / cells
    left, right = np.arange(pixels), np.arange(1, pixels + 1)
    shared = np.minimum(edges[1:, None], right) - np.maximum(edges[:-1, None], left)
    return np.maximum(shared, 0) * cells / pixels


def on_common_grid(
    p: Float[np.ndarray, "*b h w"], q: Float[np.ndarray, "*c y x"]
) -> tuple[Float[np.ndarray, "*b i j"], Float[np.ndarray, "*c i j"]]:
    """Two distributions over grids of different sizes, both brought to the coarser of each side by area; mass is uniform within a cell.

    Example:
        >>> fine, coarse = on_common_grid(np.full((2, 4), 1 / 8), np.array([[0.25, 0.75]]))
        >>> fine.tolist(), coarse.tolist()
        ([[0.5, 0.5]], [[0.25, 0.75]])
    """
    height, width = (min(p.shape[axis], q.shape[axis]) for axis in (-2, -1))
    return _on_grid(p, height, width), _on_grid(q, height, width)


def _on_grid(p: Float[np.ndarray, "*b h w"], height: int, width: int) -> Float[np.ndarray, "*b i j"]:
    if p.shape[-2:] == (height, width):
        return p
    cells = p.shape[-2] * p.shape[-1] / (height * width)
    return np.asarray(_overlap(p.shape[-2], height) @ p @ _overlap(p.shape[-1], width).T * cells)


def mask_mass(p: Maps, mask: Maps) -> PerMap:
    """Mass of a distribution inside a mask given as cell shares (``mask_to_grid``), 0 to 1; mass is taken as uniform within a cell.

    Example:
        >>> float(mask_mass(np.array([[0.75, 0.25]]), np.array([[1.0, 0.5]])))
        0.875
    """
    return np.asarray((p * mask).sum((-2, -1)))


def mask_lift(p: Maps, mask: Maps) -> PerMap:
    """Mass inside a mask over the mask's share of the area: 1 for a uniform map, above 1 if the map prefers the object.

    NaN if the mask is empty or the map undefined.

    Example:
        >>> float(mask_lift(np.array([[0.75, 0.25]]), np.array([[1.0, 0.0]])))
        1.5
    """
    area = mask.mean((-2, -1))
    return np.asarray(mask_mass(p, mask) / np.where(area > 0, area, np.nan))
