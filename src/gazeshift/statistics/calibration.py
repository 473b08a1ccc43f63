"""Does the primary interval keep its error rates? Simulation where the truth is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float

from gazeshift.errors import UsageError
from gazeshift.resampling import resampling_weights
from gazeshift.statistics.mean_squares import MeanSquares, from_margins, mean_squares, variance_of_mean
from gazeshift.statistics.rates import Calibration, Point, Rates
from gazeshift.statistics.scenarios import IMAGES, SCENARIOS, Grid, Scenario

BOOTSTRAP_TABLES, BOOTSTRAP_DRAWS = 500, 500
_MU = 1.0  # where coverage is looked at; any value does
_TABLES_AT_ONCE = 500


@dataclass(frozen=True)
class Tables:
    """Random tables without effects, as their margins, and effects to add to them.

    Attributes:
        rows: the residual's means per seed.
        columns: the residual's means per class.
        inner: the residual's sum of squares within its margins, which no effect changes.
        seed: effects of variance 1.
        class_: effects of variance 1.
        resampled: the residual's mean in each bootstrap draw, of the first tables.
        seed_weights: of the bootstrap draws.
        class_weights: of the bootstrap draws.
        within: sum of squares of images within classes, averaged over seeds, if all of the residual is noise of images.
    """

    rows: Float[np.ndarray, "d s"]
    columns: Float[np.ndarray, "d c"]
    inner: Float[np.ndarray, " d"]
    seed: Float[np.ndarray, "d s"]
    class_: Float[np.ndarray, "d c"]
    resampled: Float[np.ndarray, "b r"]
    seed_weights: Float[np.ndarray, "r s"]
    class_weights: Float[np.ndarray, "r c"]
    within: Float[np.ndarray, " d"]


def calibrate(draws: int = 10_000, seed: int = 0, grid: Grid | None = None) -> Calibration:
    """False positives at a nominal 5 % and coverage at a nominal 95 %, over a grid of designs and variance components.

    Each point simulates ``draws`` tables of cell means. The procedure under test is ``variance_of_mean`` with a t interval, as in
    ``crossed_interval``; for comparison, the multi-bootstrap (fewer tables) and the interval that takes the images, averaged over seeds,
    as the sample, with 20 images a class whose noise makes up all of the residual.

    The points of one design and scenario share their random residuals and effects, scaled; a point's rate is still unbiased.

    Args:
        draws: tables per point, at least 100. The rates' standard error is about ``sqrt(.05 * .95 / draws)``.
        seed: of the random numbers.
        grid: the points to simulate; the default is the one reported in docs/statistics.md.

    Raises:
        UsageError: too few draws, a design below 2 x 2, a negative component or an unknown scenario.

    Example:
        >>> small = Grid(seeds=(5,), classes=(10,), components=(1.0,), scenarios=("normal",))
        >>> found = calibrate(200, 0, small)
        >>> len(found.points), found.points[0].interval.coverage > 0.9
        (1, True)
    """
    grid = Grid() if grid is None else grid
    _check(draws, grid)
    designs = list(product(grid.scenarios, grid.seeds, grid.classes))
    sources = np.random.SeedSequence(seed).spawn(len(designs))
    points: list[Point] = []
    for (name, seeds, classes), source in zip(designs, sources, strict=True):
        scenario = SCENARIOS[name]
        tables = _tables(draws, seeds, classes, scenario, np.random.default_rng(source))
        for of_seeds, of_classes in product(grid.components, repeat=2):
            rates = _rates(tables, of_seeds, of_classes)
            points.append(Point(name, seeds, classes, of_seeds, of_classes, scenario.held, *rates))
    return Calibration(draws, seed, min(draws, BOOTSTRAP_TABLES), BOOTSTRAP_DRAWS, IMAGES, tuple(points))


def _check(draws: int, grid: Grid) -> None:
    if draws < 100:
        raise UsageError(f"a calibration needs at least 100 draws per point, not {draws}.")
    if not all((grid.seeds, grid.classes, grid.components, grid.scenarios)):
        raise UsageError("a calibration grid needs at least one value each of seeds, classes, components, scenarios.")
    if min(grid.seeds) < 2 or min(grid.classes) < 2 or min(grid.components) < 0:
        raise UsageError("a calibration grid needs at least 2 seeds, at least 2 classes and no negative component.")
    unknown = [name for name in grid.scenarios if name not in SCENARIOS]
    if unknown:
        raise UsageError(f"unknown scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}.")


def _tables(draws: int, seeds: int, classes: int, scenario: Scenario, rng: np.random.Generator) -> Tables:
    seed_weights = resampling_weights(seeds, BOOTSTRAP_DRAWS, rng)
    class_weights = resampling_weights(classes, BOOTSTRAP_DRAWS, rng)
    rows, columns, inner, resampled = [], [], [], []
    for size, bootstrapped in _parts(draws):
        cells = scenario.residual((size, seeds, classes), rng)
        squares = mean_squares(cells)
        rows.append(cells.mean(2))
        columns.append(cells.mean(1))
        inner.append(squares.residual * ((seeds - 1) * (classes - 1)))
        resampled += [((seed_weights @ table) * class_weights).sum(1) for table in cells[:bootstrapped]]
    return Tables(
        rows=np.concatenate(rows),
        columns=np.concatenate(columns),
        inner=np.concatenate(inner),
        seed=scenario.effects((draws, seeds), rng),
        class_=scenario.effects((draws, classes), rng),
        resampled=np.stack(resampled),
        seed_weights=seed_weights,
        class_weights=class_weights,
        within=IMAGES / seeds * rng.chisquare(classes * (IMAGES - 1), draws),
    )


def _parts(draws: int) -> Iterator[tuple[int, int]]:
    """Tables at once, in bounded memory, and how many of them are bootstrapped, too."""
    for start in range(0, draws, _TABLES_AT_ONCE):
        size = min(_TABLES_AT_ONCE, draws - start)
        yield size, min(size, max(0, BOOTSTRAP_TABLES - start))


def _rates(tables: Tables, of_seeds: float, of_classes: float) -> tuple[Rates, Rates, Rates]:
    """Of the primary interval, the bootstrap, and the interval over images."""
    seed, class_ = np.sqrt(of_seeds) * tables.seed, np.sqrt(of_classes) * tables.class_
    rows = tables.rows + seed + class_.mean(1, keepdims=True)
    columns = tables.columns + class_ + seed.mean(1, keepdims=True)
    mean = rows.mean(1)
    squares = from_margins(rows, columns, mean, tables.inner)
    return _primary(squares), _bootstrap(tables, seed, class_), _over_images(mean, columns, tables.within)


def _primary(squares: MeanSquares) -> Rates:
    """The p-value at mu = 0; the interval at another mu, to which the same deviations are added."""
    found = variance_of_mean(squares)
    error = np.sqrt(found.variance)
    p_value = 2 * scipy.stats.t.sf(np.abs(squares.mean) / error, found.degrees_of_freedom)
    # The quantile is slow; most tables of a point share their degrees of freedom.
    different, place = np.unique(np.round(found.degrees_of_freedom, 9), return_inverse=True)
    reach = scipy.stats.t.isf(0.025, different)[place] * error
    return _counted(p_value < 0.05, _MU + squares.mean - reach, _MU + squares.mean + reach)


def _bootstrap(tables: Tables, seed: np.ndarray, class_: np.ndarray) -> Rates:
    """A resampled mean is linear: that of the residual, plus those of the effects with the same weights."""
    few = len(tables.resampled)
    means = tables.resampled + seed[:few] @ tables.seed_weights.T + class_[:few] @ tables.class_weights.T
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return _counted((low > 0) | (high < 0), _MU + low, _MU + high)


def _over_images(mean: np.ndarray, columns: np.ndarray, within: np.ndarray) -> Rates:
    """The images, averaged over seeds, as one sample; normal ends, which a bootstrap of hundreds of images has, too."""
    images = columns.shape[1] * IMAGES
    between = IMAGES * ((columns - mean[:, None]) ** 2).sum(1)
    reach = scipy.stats.norm.isf(0.025) * np.sqrt((between + within) / (images - 1) / images)
    return _counted(np.abs(mean) > reach, _MU + mean - reach, _MU + mean + reach)


def _counted(rejected: Bool[np.ndarray, " d"], low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"]) -> Rates:
    return Rates(float(rejected.mean()), float(((low <= _MU) & (high >= _MU)).mean()))
