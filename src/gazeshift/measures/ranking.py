"""The highest cells of a map, with ties that favour no place."""

import numpy as np
import scipy.stats

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
    above = scipy.stats.rankdata(flat, method="min", axis=-1).reshape(values.shape) - 1
    tied = scipy.stats.rankdata(flat, method="max", axis=-1).reshape(values.shape) - above
    return np.clip((places - above) / tied, 0, 1)
