"""Where a map would look without seeing the image: a prior over cells, and how well a map agrees with one."""

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.measures.where import Maps, PerMap, cell_centres


def centre_prior(height: int, width: int, sigma: float = 0.5) -> Float[np.ndarray, "{height} {width}"]:
    """A round Gaussian at the centre of the grid, taken at the cell centres, summing to 1.

    Args:
        height: of the grid.
        width: of the grid.
        sigma: standard deviation, in coordinates where the grid reaches from -1 to 1.

    Raises:
        UsageError: ``sigma`` is not above 0.

    Example:
        >>> centre_prior(1, 3, sigma=1.0).round(3).tolist()
        [[0.308, 0.384, 0.308]]
    """
    if not sigma > 0:
        raise UsageError(f"centre_prior: sigma must be above 0, not {sigma}.")
    y, x = cell_centres(height, width)
    squared = (x**2 + y**2) / 2
    # From the nearest cell on: with a tiny sigma an even grid, whose cells all lie off the centre, would vanish.
    with np.errstate(over="ignore"):
        weights = np.exp(-((squared - squared.min()) / sigma) / sigma)
    return np.asarray(weights / weights.sum())


def mask_prior(masks: Float[np.ndarray, "*b h w"], uniform: float = 0.0) -> Float[np.ndarray, "h w"]:
    """Mean object mask as a distribution over cells: where objects are, regardless of the image. NaN if every mask is empty.

    Large objects weigh more than small ones. Use masks from the training set, not from the test set.

    Args:
        masks: cell shares from ``mask_to_grid``.
        uniform: share of a uniform distribution mixed in, 0 to 1. Without it a map with mass where no training object was has a
            likelihood ratio of minus infinity.

    Raises:
        UsageError: ``uniform`` is out of range.

    Example:
        >>> mask_prior(np.array([[[1.0, 0.0]], [[1.0, 1.0]], [[1.0, 0.0]]])).tolist()
        [[0.75, 0.25]]
    """
    if not 0 <= uniform <= 1:
        raise UsageError(f"mask_prior: the uniform share must lie between 0 and 1, not {uniform}.")
    height, width = masks.shape[-2:]
    summed = np.asarray(masks, dtype=np.float64).reshape(-1, height, width).sum(0)
    total = summed.sum()
    prior = summed / (total if total > 0 else np.nan)
    return np.asarray((1 - uniform) * prior + uniform / (height * width))


def likelihood_ratio(p: Maps, prior: Maps) -> PerMap:
    """``sum p log2(prior / uniform)`` in bits: how much better the prior predicts a map's mass than a uniform guess does.

    0 for a uniform prior, at most ``log2(cells)``, negative if the map avoids where the prior lies, and minus infinity if it has mass
    where the prior has none. Higher: looks where the prior says. Linear in ``p``; NaN if either is undefined. It is the information gain
    per fixation of a prior over the uniform one (Kuemmerer, Wallis & Bethge, "Information-theoretic model comparison unifies saliency
    metrics", 2015), the fixations being drawn from the map.

    Args:
        p: distributions over cells.
        prior: distributions that broadcast with ``p``; often one for all.

    Example:
        >>> prior = np.array([[0.5, 0.25, 0.25, 0.0]])
        >>> float(likelihood_ratio(np.array([[1.0, 0.0, 0.0, 0.0]]), prior))
        1.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log2(prior * (prior.shape[-2] * prior.shape[-1]))
        # No mass, no term, whatever the prior says; but a NaN prior stays one.
        terms = np.where((p == 0) & ~np.isnan(ratios), 0.0, p * ratios)
    return np.asarray(terms.sum((-2, -1)))
