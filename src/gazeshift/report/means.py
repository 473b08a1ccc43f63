"""Means of the store's tables with intervals, for figures that ``summary.json`` lacks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gazeshift.measures import Figure, crossed_figure
from gazeshift.statistics import crossed_interval

NOTHING = Figure(None, None, 0, 0)


def over_images(rows: pd.DataFrame, value: str, column: str = "key") -> Figure:
    """Mean over seeds and images, its interval by resampling both; an image's rows of one seed are averaged first, NaN left out.

    Args:
        rows: of ``seed``, ``column`` and ``value``.
        value: the column to average.
        column: what is resampled besides the seeds; ``label`` for classes, which ``n`` then counts.

    Example:
        >>> rows = pd.DataFrame({"seed": [0, 0, 0], "key": ["a", "a", "b"], "x": [1.0, 3.0, 5.0]})
        >>> over_images(rows, "x").mean
        3.5
    """
    if rows.empty or value not in rows:
        return NOTHING
    table = rows.astype({value: float}).pivot_table(
        index="seed", columns=column, values=value, aggfunc="mean", dropna=False
    )
    return crossed_figure(table.to_numpy(float))


def over_seeds(values: Sequence[float], images: Sequence[int]) -> Figure:
    """Mean over training seeds, its interval by Student's t over them; it does not cover other images.

    Args:
        values: one per seed; NaN is left out.
        images: number of images for each; ``n`` is the smallest number among the seeds included.

    Example:
        >>> figure = over_seeds([1.0, 3.0, float("nan")], [10, 9, 0])
        >>> figure.mean, figure.n, figure.seeds, over_seeds([1.0], [10]).interval
        (2.0, 9, 2, None)
    """
    every = np.asarray(values, dtype=np.float64)
    known = every[np.isfinite(every)]
    if not len(known):
        return Figure(None, None, 0, len(values))
    mean, n = float(known.mean()), int(np.asarray(images)[np.isfinite(every)].min())
    if len(known) < 2:
        return Figure(mean, None, n, len(known))
    interval = crossed_interval(known[:, None])  # of one column: Student's t over the seeds
    return Figure(mean, (interval.low, interval.high), n, len(known))
