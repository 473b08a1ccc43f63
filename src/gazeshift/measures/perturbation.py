"""Do the cells that a map marks matter to the score? Hide cells and see; the text stays the same.

Everything calls ``score(keep)``: ``keep`` holds ``m`` grids, 1 where the image stays and 0 where a cell is hidden, and the result is ``m``
numbers, usually the logit of the explained class. How a cell is hidden (a constant, blur, ``noisy_linear_imputation``, a mask at the tap)
is the caller's choice, and part of what is measured: report it with the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.measures.asking import ask
from gazeshift.measures.where import undefined
from gazeshift.rounding import beyond_rounding, constant

Grid = Float[np.ndarray, "h w"]
Score = Callable[[Float[np.ndarray, "m h w"]], Float[np.ndarray, " m"]]


@dataclass(frozen=True)
class PerturbationCurve:
    """The score as cells are changed one after the other.

    Attributes:
        shares: fraction of the cells changed so far, from 0 to 1.
        scores: in the units of the score; NaN if the map is undefined.
    """

    shares: Float[np.ndarray, " m"]
    scores: Float[np.ndarray, " m"]

    @property
    def area(self) -> float:
        """Area under the curve (trapezoids), a mean score; NaN if the map is undefined."""
        return float(np.trapezoid(self.scores, self.shares))


@dataclass(frozen=True)
class Road:
    """Most relevant first compared with least relevant first.

    Attributes:
        morf: scores as cells are hidden, highest values of the map first.
        lerf: scores as cells are hidden, lowest values first.
    """

    morf: PerturbationCurve
    lerf: PerturbationCurve

    @property
    def difference(self) -> float:
        """Area of ``morf`` minus area of ``lerf``: **lower** (negative) is better, 0 for an uninformative map; NaN if undefined."""
        return self.morf.area - self.lerf.area


@dataclass(frozen=True)
class Infidelity:
    """How badly the sum of a map over hidden cells predicts the loss of score.

    Attributes:
        value: mean squared error with the map scaled by ``scale``; 0 or more, in squared units of the score; lower is better.
        relative: ``value`` over the mean squared loss of score, 0 to 1: the part that the map does not explain; NaN if nothing is lost.
        scale: factor on the map that makes the error smallest; negative if the map points the wrong way.
        unscaled: mean squared error of the unscaled map; meaningful only for maps in units of the score.
    """

    value: float
    relative: float
    scale: float
    unscaled: float


def insertion(raw: Grid, score: Score, steps: int | None = None) -> PerturbationCurve:
    """Show cells, highest values of the map first, starting with all hidden; a **larger** area is better.

    Petsiuk, Das & Saenko, "RISE", 2018, who use probabilities and a blurred start. Cells of equal value appear together, so no order of
    cells is preferred. Invariant to any increasing function of the map; undefined maps (nothing positive) give NaN.

    Args:
        raw: signed map.
        score: see the module's docstring.
        steps: maximum number of points after the first, about evenly spaced; by default one for every distinct value of the map.

    Raises:
        UsageError: ``steps`` below 1, or a score that does not return one number per grid.

    Example:
        >>> curve = insertion(np.array([[2.0, 1.0]]), lambda keep: 3 * keep[:, 0, 0] + keep[:, 0, 1])
        >>> curve.scores.tolist(), curve.area
        ([0.0, 3.0, 4.0], 2.5)
    """
    return _curve(raw, raw, score, steps, show=True)


def deletion(raw: Grid, score: Score, steps: int | None = None) -> PerturbationCurve:
    """Hide cells, highest values of the map first, starting with all shown; a **smaller** area is better.

    Otherwise as ``insertion``.

    Example:
        >>> deletion(np.array([[2.0, 1.0]]), lambda keep: 3 * keep[:, 0, 0] + keep[:, 0, 1]).scores.tolist()
        [4.0, 1.0, 0.0]
    """
    return _curve(raw, raw, score, steps, show=False)


def road(raw: Grid, score: Score, steps: int | None = None) -> Road:
    """Remove and debias: hide the most relevant cells first, and the least relevant first; see ``Road.difference``.

    Rong et al., "A consistent and efficient evaluation strategy for attribution methods", 2022. It is ROAD only if the score hides
    by ``noisy_linear_imputation``, so that the shape of the hole reveals nothing. Over all shares of cells, not only nine; tied cells
    change together. Invariant to any increasing function of the map; undefined maps give NaN.

    Example:
        >>> result = road(np.array([[2.0, 1.0]]), lambda keep: 3 * keep[:, 0, 0] + keep[:, 0, 1])
        >>> result.difference
        -1.0
    """
    return Road(_curve(raw, raw, score, steps, show=False), _curve(raw, -raw, score, steps, show=False))


def sensitivity_n(raw: Grid, score: Score, n: int, samples: int, rng: np.random.Generator) -> float:
    """Correlation, over random sets of ``n`` cells, of the map's sum with the loss of score when they are hidden; -1 to 1, higher: better.

    Ancona et al., "Towards better understanding of gradient-based attribution methods", 2018. 1 for every ``n`` if the score is additive
    over cells and the map holds the terms. Uses signed values, so a map without a positive value counts too. Invariant to a positive
    scale and, as all sets are of one size, to an offset. NaN if the map is not finite, or if the sums or the losses are all equal up to
    rounding.

    Args:
        raw: signed map.
        score: see the module's docstring.
        n: number of cells hidden at a time, at least 1 and fewer than all.
        samples: number of random sets, at least 2.
        rng: random generator.

    Raises:
        UsageError: ``n`` or ``samples`` out of range, or a score that does not return one number per grid.

    Example:
        >>> raw = np.array([[1.0, 2.0], [3.0, -4.0]])
        >>> additive = lambda keep: (keep * raw).sum((1, 2))
        >>> round(sensitivity_n(raw, additive, n=2, samples=20, rng=np.random.default_rng(0)), 12)
        1.0
    """
    if not 1 <= n < raw.size:
        raise UsageError(f"sensitivity_n hides at least 1 and fewer than all {raw.size} cells, not {n}.")
    sums, losses = _hide_random(raw, score, np.full(_at_least_two(samples), n), rng)
    if not np.isfinite(sums).all() or constant(sums) or constant(losses):
        return float("nan")
    return float(np.corrcoef(sums, losses)[0, 1])


def infidelity(raw: Grid, score: Score, samples: int, rng: np.random.Generator) -> Infidelity:
    """``E (beta sum_hidden L - loss of score)^2`` over random sets of hidden cells, with the best scale ``beta``; lower is better.

    Yeh et al., "On the (in)fidelity and sensitivity of explanations", 2019, the perturbation being "hide these cells". Each set's size is
    drawn evenly from 1 to all cells, then its cells. ``beta = E[sum x loss] / E[sum^2]`` is their optimal scaling: Grad-CAM is not in units
    of the score. With it, invariant to any scale but 0. Uses signed values. NaN if the map is 0 everywhere or not finite.

    Args:
        raw: signed map.
        score: see the module's docstring.
        samples: number of random sets, at least 2.
        rng: random generator.

    Raises:
        UsageError: fewer than 2 samples, or a score that does not return one number per grid.

    Example:
        >>> raw = np.array([[1.0, 2.0], [3.0, -4.0]])
        >>> result = infidelity(raw, lambda keep: 2 * (keep * raw).sum((1, 2)), samples=20, rng=np.random.default_rng(0))
        >>> round(result.relative, 12), round(result.scale, 12)
        (0.0, 2.0)
    """
    sizes = rng.integers(1, raw.size + 1, _at_least_two(samples))
    sums, losses = _hide_random(raw, score, sizes, rng)
    power = np.mean(sums**2)
    if not (np.isfinite(power) and power > 0):
        return Infidelity(*[float("nan")] * 4)
    scale = np.mean(sums * losses) / power
    value = np.mean((scale * sums - losses) ** 2)
    lost = np.mean(losses**2)
    relative = value / lost if lost > 0 else np.nan
    return Infidelity(float(value), float(relative), float(scale), float(np.mean((sums - losses) ** 2)))


def _curve(raw: Grid, order: Grid, score: Score, steps: int | None, show: bool) -> PerturbationCurve:
    """Change cells, highest values of ``order`` first; all cells of equal value at once."""
    if steps is not None and steps < 1:
        raise UsageError(f"A perturbation curve needs at least 1 step, not {steps}.")
    if undefined(raw):
        return PerturbationCurve(np.array([0.0, 1.0]), np.array([np.nan, np.nan]))
    heights, counts = np.unique(order, return_counts=True)
    heights, changed = heights[::-1], np.cumsum(counts[::-1])
    if steps is not None:
        wanted = np.linspace(0, order.size, steps + 1)[1:]
        nearest = np.unique(np.abs(changed[:, None] - wanted).argmin(0))
        heights, changed = heights[nearest], changed[nearest]
    done = np.concatenate([np.zeros((1, *order.shape), dtype=bool), order >= heights[:, None, None]])
    keep = (done if show else ~done).astype(np.float64)
    return PerturbationCurve(np.concatenate([[0], changed]) / order.size, ask(score, keep, "score"))


def _hide_random(
    raw: Grid, score: Score, sizes: np.ndarray, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, " samples"]]:
    """Sums of the map over random sets of cells of the given sizes, and the loss of score, beyond rounding, when they are hidden."""
    places = rng.permuted(np.tile(np.arange(raw.size), (len(sizes), 1)), axis=1)
    hidden = (places < sizes[:, None]).reshape(-1, *raw.shape)
    keep = np.concatenate([np.ones((1, *raw.shape)), (~hidden).astype(np.float64)])
    scores = ask(score, keep, "score")
    losses = beyond_rounding(scores[0] - scores[1:], np.abs(scores).max())
    return np.where(hidden, np.asarray(raw, dtype=np.float64), 0).sum((1, 2)), losses


def _at_least_two(samples: int) -> int:
    if samples < 2:
        raise UsageError(f"Random sets of cells: give at least 2 samples, not {samples}.")
    return samples
