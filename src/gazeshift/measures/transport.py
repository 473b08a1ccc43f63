"""How far mass must travel from one map to another."""

import importlib
import os
import sys
import warnings
from functools import cache
from types import ModuleType

import numpy as np
from jaxtyping import Float

from gazeshift.measures.where import Maps, PerMap, cell_centres, check_distributions

_ITERATIONS = 10_000_000  # a ceiling that no grid of maps meets; at its default POT would stop early on large grids, with a warning


def wasserstein(p: Maps, q: Maps) -> PerMap:
    """Wasserstein-1 distance with Euclidean ground cost between cell centres in [-1, 1]: the mean distance that mass has to travel.

    0 for equal maps, at most the distance of two opposite corner cells, below ``2 sqrt(2)``; higher: further apart. A metric. Unlike the
    Jensen-Shannon divergence it distinguishes a near miss from a far one. Invariant to flips and, on square grids, to quarter turns of
    both maps; a shift of a whole map by ``d`` costs ``|d|``. NaN if either map is undefined. Exact, by POT's network simplex (Flamary et
    al., "POT: Python Optimal Transport", 2021).

    Because the cost is a metric, the mass that both maps share stays in place, so only the differences are solved for.

    Args:
        p: distributions over cells.
        q: the same grid, leading axes that broadcast.

    Raises:
        UsageError: a map is not a distribution.

    Example:
        >>> left, right = np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.0, 1.0]])
        >>> float(wasserstein(left, right)), float(wasserstein(left, left))
        (1.5, 0.0)
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    check_distributions(p, "wasserstein")
    check_distributions(q, "wasserstein")
    difference = p - q
    cost = _ground_cost(*difference.shape[-2:])
    distances = [_transport(row, cost) for row in difference.reshape(-1, len(cost))]
    return np.asarray(distances, dtype=np.float64).reshape(difference.shape[:-2])


def _transport(difference: Float[np.ndarray, " cells"], cost: Float[np.ndarray, "cells cells"]) -> float:
    """Cost of moving one map's surplus to the cells where the other map has more."""
    surplus, lack = np.flatnonzero(difference > 0), np.flatnonzero(difference < 0)
    if not np.isfinite(difference).all():
        return float("nan")
    if not (len(surplus) and len(lack)):
        return 0.0
    here, there = difference[surplus], -difference[lack]
    mass = (here.sum() + there.sum()) / 2
    unit = _pot().emd2(
        here / here.sum(),
        there / there.sum(),
        np.ascontiguousarray(cost[np.ix_(surplus, lack)]),
        numItermax=_ITERATIONS,
        center_dual=False,
        check_marginals=False,
    )
    return float(mass * unit)


@cache
def _ground_cost(height: int, width: int) -> Float[np.ndarray, "cells cells"]:
    """Euclidean distance between every two cells."""
    y, x = (np.broadcast_to(axis, (height, width)).ravel() for axis in cell_centres(height, width))
    return np.hypot(y[:, None] - y, x[:, None] - x)


@cache
def _pot() -> ModuleType:
    """POT, imported on first use and without the array libraries that this process does not use.

    POT imports torch, JAX, TensorFlow and CuPy wherever they are installed, which takes seconds; arrays of NumPy need none of them. Those
    already loaded stay usable through POT; import POT yourself beforehand to keep the others.
    """
    switches = {
        f"POT_BACKEND_DISABLE_{name.upper()}": "1"
        for name, module in (("pytorch", "torch"), ("jax", "jax"), ("tensorflow", "tensorflow"), ("cupy", "cupy"))
        if module not in sys.modules
    }
    before = {name: os.environ.get(name) for name in switches}
    os.environ.update(switches)
    try:
        with warnings.catch_warnings():
            # POT's docstrings hold invalid escapes: Python says so whenever it compiles them, so at the first import after an installation.
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module("ot")
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
