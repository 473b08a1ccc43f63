"""Cells in the order of their values, with ties that favour no place."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from gazeshift.measures.where import Maps, PerMap


def top_cells(values: Maps, count: PerMap) -> Maps:
    """How far each cell belongs to the ``count`` highest ones, 0 to 1; sums to ``count`` over a map.

    Cells tied at the boundary share the places left over evenly: the probability that a cell is taken when ties are broken at random. A
    count with a fraction gives the last place by that fraction. Invariant to any increasing function of the values. NaN in a map gives NaN.

    Args:
        values: signed maps.
        count: 0 to the number of cells, one for each map or one for all.

    Example:
        >>> top_cells(np.array([[3.0, 1.0, 1.0, 0.0]]), np.asarray(2.0)).tolist()
        [[1.0, 0.5, 0.5, 0.0]]
    """
    places = np.asarray(count)[..., None, None]
    flat = -np.asarray(values, dtype=np.float64).reshape(*values.shape[:-2], -1)
    above = ranks(flat, "min").reshape(values.shape) - 1
    tied = ranks(flat, "max").reshape(values.shape) - above
    return np.clip((places - above) / tied, 0, 1)


def ranks(
    values: Float[np.ndarray, "*b n"], ties: Literal["average", "min", "max"] = "average"
) -> Float[np.ndarray, "*b n"]:
    """Ranks from 1 along the last axis; equal values take the mean, the least or the greatest of their ranks; NaN gives NaN.

    Example:
        >>> ranks(np.array([2.0, 1.0, 2.0])).tolist()
        [2.5, 1.0, 2.5]
    """
    from scipy.stats import rankdata  # noqa: PLC0415  scipy.stats takes half as long as torch, and most commands rank nothing

    return np.asarray(rankdata(values, method=ties, axis=-1), dtype=np.float64)
