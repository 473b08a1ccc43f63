"""Scenarios for the calibration: the distribution of residuals and effects, and the designs and variances to simulate."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

IMAGES = 20  # per class

Random = Callable[[tuple[int, ...], np.random.Generator], np.ndarray]  # mean 0, variance 1


def normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Standard normal."""
    return rng.standard_normal(shape)


def skewed(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Exponential less its mean: skewness 2, excess kurtosis 6."""
    return rng.standard_exponential(shape) - 1


def binary(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Noise of a mean of 20 yes/no outcomes whose rate, between .5 and 1, is the class's own: discrete, skewed, of unequal variance."""
    rate = rng.uniform(0.5, 1, (*shape[:-2], 1, shape[-1]))
    mean = rng.binomial(IMAGES, np.broadcast_to(rate, shape)) / IMAGES
    return (mean - rate) / np.sqrt(1 / 6 / IMAGES)  # rate (1 - rate) is 1/6 on average


@dataclass(frozen=True)
class Scenario:
    """The distribution of residuals and effects, and whether the targets apply."""

    residual: Random
    effects: Random
    held: bool


SCENARIOS: dict[str, Scenario] = {
    "normal": Scenario(normal, normal, True),
    "skewed residual": Scenario(skewed, normal, True),
    "binary residual": Scenario(binary, normal, True),
    # No t interval is valid with five values from a skewed distribution; this one shows how far off it is.
    "skewed effects": Scenario(normal, skewed, False),
}


@dataclass(frozen=True)
class Grid:
    """The grid to simulate: every combination. Components are variances per cell, in units of the residual's.

    ``components`` applies to seeds and to classes: none, faint (hardest to distinguish from none), small, equal, dominating.
    """

    seeds: tuple[int, ...] = (5, 10)
    classes: tuple[int, ...] = (10, 101)
    components: tuple[float, ...] = (0.0, 0.02, 0.1, 1.0, 10.0)
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
