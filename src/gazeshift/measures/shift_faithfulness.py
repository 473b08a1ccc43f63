"""Does the change of a map predict the change of its regions' effects? The primary measure of a shift's faithfulness."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.rounding import constant


@dataclass(frozen=True)
class ShiftFaithfulness:
    """How well changes of a map predict changes of effect, over (image, region) pairs.

    Attributes:
        rho: Pearson correlation of both changes, -1 to 1, higher is more faithful; NaN if either has no variance.
        slope: least-squares slope of the change of effect on the change of the map, in logits per unit of map; 1 where the map
            is the effect itself; NaN if the map does not change.
        rms_effect: root mean square of the change of effect, in logits: how much there is to predict. A rho with an ``rms_effect`` near 0
            means nothing.
        rms_map: root mean square of the map's change, in units of the raw map.
        n: number of pairs included; those that are not finite on both sides are left out.
    """

    rho: float
    slope: float
    rms_effect: float
    rms_map: float
    n: int


def shift_faithfulness(
    map_change: Float[np.ndarray, " n"], effect_change: Float[np.ndarray, " m"]
) -> ShiftFaithfulness:
    """Correlate, over regions, the change of the raw map's sum with the change of the region's effect on the same logit.

    For a region ``r`` of image ``x``, texts ``t0`` and ``t1`` and the class ``c`` predicted with ``t0``: the map's side is
    ``sum over r of L_c(x, t1) - L_c(x, t0)``, the effect's side
    ``I_r = [y_c(x, t1) - y_c(x without r, t1)] - [y_c(x, t0) - y_c(x without r, t0)]``. Where the logits are a function of the image plus a
    function of the text both are 0 and rho is undefined. rho does not change with scale or offset of either side, so read slope and
    RMS alongside it. It extends the correlation of attribution and effect of removal for a single map (Ancona et al., "Towards better
    understanding of gradient-based attribution methods", 2018, sensitivity-n) to the change between two texts.

    Args:
        map_change: change of the raw signed map, summed over the region.
        effect_change: ``I_r`` of the same regions.

    Raises:
        UsageError: the two do not have the same length.

    Example:
        >>> found = shift_faithfulness(np.array([0.0, 1.0, -1.0]), np.array([0.0, 2.0, -2.0]))
        >>> round(found.rho, 12), round(found.slope, 12), found.n
        (1.0, 2.0, 3)
        >>> shift_faithfulness(np.zeros(3), np.zeros(3)).rho
        nan
    """
    if map_change.shape != effect_change.shape:
        raise UsageError(
            f"shift-faithfulness: one change of effect per change of the map; got {len(effect_change)} and {len(map_change)}."
        )
    both = np.isfinite(map_change) & np.isfinite(effect_change)
    moved, acted = np.asarray(map_change[both], np.float64), np.asarray(effect_change[both], np.float64)
    n = int(both.sum())
    if not n:
        return ShiftFaithfulness(np.nan, np.nan, np.nan, np.nan, 0)
    (x, x_length), (y, y_length) = _centred(moved), _centred(acted)
    overlap = float(np.clip((x * y).sum(), -1, 1))
    slope = overlap * y_length / x_length if x_length else np.nan
    rho = overlap if x_length and y_length else np.nan
    return ShiftFaithfulness(rho, slope, _rms(acted), _rms(moved), n)


def _centred(values: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], float]:
    """Values minus their mean, scaled to length 1, and their original length; zeros and 0 if they are all equal."""
    centred = values - values.mean()
    if constant(values):
        return np.zeros_like(values), 0.0
    length = float(np.sqrt((centred**2).sum()))
    return centred / length, length


def _rms(values: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt((values**2).mean()))


Sums = Float[np.ndarray, "*b 6"]
"""Running sums over regions: their number, and the sums of x, y, x^2, x y, y^2 (x: change of the map, y: change of the effect)."""


def _moments(sums: Sums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance of x, covariance, variance of y; a variance within rounding is 0."""
    n, x, y, xx, xy, yy = np.moveaxis(sums, -1, 0)
    n = np.where(n > 0, n, np.nan)
    x, y, xx, xy, yy = x / n, y / n, xx / n, xy / n, yy / n
    var_x, var_y = xx - x**2, yy - y**2
    return np.where(var_x > 1e-12 * xx, var_x, 0), xy - x * y, np.where(var_y > 1e-12 * yy, var_y, 0)


def _rho(sums: Sums) -> Float[np.ndarray, "*b"]:
    var_x, cov, var_y = _moments(sums)
    scale = np.sqrt(var_x * var_y)
    return np.asarray(cov / np.where(scale > 0, scale, np.nan))


def _slope(sums: Sums) -> Float[np.ndarray, "*b"]:
    var_x, cov, _ = _moments(sums)
    return np.asarray(cov / np.where(var_x > 0, var_x, np.nan))


def _root_mean(which: int) -> Callable[[Sums], Float[np.ndarray, "*b"]]:
    def statistic(sums: Sums) -> Float[np.ndarray, "*b"]:
        n = sums[..., 0]
        return np.asarray(np.sqrt(sums[..., which] / np.where(n > 0, n, np.nan)))

    return statistic


FROM_SUMS: dict[str, Callable[[Sums], Float[np.ndarray, "*b"]]] = {
    "rho": _rho,
    "slope": _slope,
    "rms_effect": _root_mean(5),
    "rms_map": _root_mean(3),
}
"""The numbers of ``ShiftFaithfulness`` from sums, which add up over images: for bootstrap intervals over images."""
