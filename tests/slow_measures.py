"""The measures of one map by their definitions, cell by cell: what every table of measures is compared with."""

from collections.abc import Callable

import numpy as np

from gazeshift.measures import MAP_MEASURES

P = np.ndarray  # a distribution over cells


def _cells(p: P) -> list[tuple[float, float, float]]:
    """Mass, x and y of every cell."""
    height, width = p.shape
    return [
        (float(p[row, column]), (2 * column + 1) / width - 1, (2 * row + 1) / height - 1)
        for row in range(height)
        for column in range(width)
    ]


def _squared_distance_of_a_uniform_map(p: P) -> float:
    return float(np.mean([x**2 + y**2 for _, x, y in _cells(p)]))


def _centre_bias(p: P) -> float:
    return 1 - sum(mass * (x**2 + y**2) for mass, x, y in _cells(p)) / _squared_distance_of_a_uniform_map(p)


def _centre_offset(p: P) -> float:
    x, y = (sum(cell[0] * cell[axis] for cell in _cells(p)) for axis in (1, 2))
    return (x**2 + y**2) / _squared_distance_of_a_uniform_map(p)


def _centre_spread(p: P) -> float:
    x, y = (sum(cell[0] * cell[axis] for cell in _cells(p)) for axis in (1, 2))
    around = sum(mass * ((left - x) ** 2 + (down - y) ** 2) for mass, left, down in _cells(p))
    return around / _squared_distance_of_a_uniform_map(p)


def _coverage(p: P) -> float:
    return float(2 ** -sum(mass * np.log2(mass) for mass in p.flat if mass) / p.size)


def _concentration(p: P) -> float:
    return float(sum(mass * np.log2(mass * p.size) for mass in p.flat if mass))


def _gini(p: P) -> float:
    """Half the mean absolute difference of two cells, over the mean cell."""
    return float(sum(abs(one - other) for one in p.flat for other in p.flat) / (2 * p.size))


def _share_holding(p: P) -> float:
    """Cells are taken from the highest down until they hold four fifths."""
    held, taken = 0.0, 0
    for cell in sorted(p.ravel().tolist(), reverse=True):
        if held >= 0.8 - 1e-9:
            break
        held, taken = held + cell, taken + 1
    return taken / p.size


def _likelihood_ratio_centre(p: P) -> float:
    """The mean, over the map's mass, of how many bits a Gaussian at the centre exceeds a uniform distribution by."""
    heights = [np.exp(-(x**2 + y**2) / (2 * 0.5**2)) for _, x, y in _cells(p)]
    return float(sum(m * np.log2(high / np.mean(heights)) for m, high in zip(p.flat, heights, strict=True)))


OF_DISTRIBUTION: dict[str, Callable[[P], float]] = {
    "centre_bias": _centre_bias,
    "centre_offset": _centre_offset,
    "centre_spread": _centre_spread,
    "coverage": _coverage,
    "concentration": _concentration,
    "gini": _gini,
    "share_holding": _share_holding,
    "likelihood_ratio_centre": _likelihood_ratio_centre,
}
OF_RAW_MAP: dict[str, Callable[[np.ndarray], float]] = {
    "amplitude": lambda raw: float(np.log(sum(max(value, 0) for value in raw.flat))),
}
SLOW_MEASURES = OF_DISTRIBUTION.keys() | OF_RAW_MAP.keys()


def slow_measures(raw: np.ndarray) -> dict[str, float]:
    """Every measure of one signed map, by its definition; NaN where it has no positive value."""
    missing = MAP_MEASURES.keys() - SLOW_MEASURES
    assert not missing, f"write the definition of {sorted(missing)}, cell by cell, into tests/slow_measures.py"
    raw = raw.astype(float)
    if not raw.max() > 0:
        return dict.fromkeys(SLOW_MEASURES, float("nan"))
    # From the maximum on: maps reach 1e30 and 1e-30.
    p = np.maximum(raw / raw.max(), 0) / np.maximum(raw / raw.max(), 0).sum()
    return {name: slow(p) for name, slow in OF_DISTRIBUTION.items()} | {
        name: slow(raw) for name, slow in OF_RAW_MAP.items()
    }
