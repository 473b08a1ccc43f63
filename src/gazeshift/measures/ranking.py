"""Cells ordered by value, with ties that favour no location."""

import numpy as np
from jaxtyping import Float

from gazeshift.measures.where import Maps, PerMap


def top_cells(values: Maps, count: PerMap) -> Maps:
    """Each cell's degree of membership in the ``count`` highest ones, 0 to 1; sums to ``count`` over a map.

    Cells tied at the boundary share the remaining places evenly: the probability that a cell is selected when ties are broken at random. A
    fractional count fills the last place by that fraction. Invariant to any increasing function of the values. NaN in a map gives NaN.

    Args:
        values: signed maps.
        count: 0 to the number of cells, either one for each map or one for all.

    Example:
        >>> top_cells(np.array([[3.0, 1.0, 1.0, 0.0]]), np.asarray(2.0)).tolist()
        [[1.0, 0.5, 0.5, 0.0]]
    """
    height, width = values.shape[-2:]
    flat = np.asarray(values, dtype=np.float64).reshape(*values.shape[:-2], height * width)
    places = np.asarray(count, dtype=np.float64)[..., None]
    flat = np.broadcast_to(flat, (*np.broadcast_shapes(flat.shape[:-1], places.shape[:-1]), height * width))
    places = np.broadcast_to(places, (*flat.shape[:-1], 1))
    # The value of the cell in the last place, whole or partial.
    last = np.clip(np.nan_to_num(np.ceil(places)).astype(np.int64), 1, height * width)
    bar = np.take_along_axis(np.sort(flat, axis=-1), height * width - last, axis=-1)
    above, tied = flat > bar, flat == bar
    left = (places - above.sum(-1, keepdims=True)) / np.maximum(tied.sum(-1, keepdims=True), 1)
    taken = np.where(above, 1.0, tied * np.clip(left, 0, 1))
    unknown = np.isnan(flat).any(-1, keepdims=True) | np.isnan(places)
    return np.where(unknown, np.nan, taken).reshape(*flat.shape[:-1], height, width)


def ranks(values: Float[np.ndarray, "*b n"]) -> Float[np.ndarray, "*b n"]:
    """Ranks from 1 along the last axis; equal values take the mean of their ranks; NaN gives NaN.

    Example:
        >>> ranks(np.array([2.0, 1.0, 2.0])).tolist()
        [2.5, 1.0, 2.5]
    """
    from scipy.stats import rankdata  # noqa: PLC0415  scipy.stats takes half as long as torch, and most commands rank nothing

    return np.asarray(rankdata(values, axis=-1), dtype=np.float64)
