"""Why a map points nowhere, and other caveats, in words."""

import math

import numpy as np
from jaxtyping import Float

from gazeshift.saliency.path import INTEGRATED_GRADIENTS


def why_undefined(raw: Float[np.ndarray, "h w"], noise: float = 0.0, logit: float = 0.0) -> str | None:
    """Why a map has no positive value; None if it has one.

    Args:
        raw: signed map from ``compute_maps``.
        noise: its noise level.
        logit: what it explains.

    Example:
        >>> why_undefined(np.array([[0.5, -1.0]])) is None
        True
        >>> why_undefined(np.array([[0.0, -1.0]]))
        'no value is positive: everything that this layer sees is evidence against the class; see the signed map'
    """
    if not math.isfinite(logit):
        return f"the logit that it explains is {logit}: check the picture, the model's weights, and whether half precision overflows"
    if not np.isfinite(raw).all():
        return "the gradient is not finite: check for half-precision overflow and for logarithms or roots of zero after the layer"
    if (raw > 0).any():
        return None
    if raw.any():
        return "no value is positive: everything that this layer sees is evidence against the class; see the signed map"
    if noise > 0:
        return (
            "the channels cancel in every cell, down to rounding: cells reach the output only through a norm, or not at all; "
            "tap after that norm or earlier, or use a method without gradients"
        )
    return "every value is zero: no gradient reaches the grid (a saturated output, or a token pooling that skips it: tap an earlier layer)"


def why_incomplete(gap: float) -> str | None:
    """A caveat that a map's sum violates completeness, if by more than the tolerance.

    Args:
        gap: relative completeness error; NaN for methods without completeness.

    Example:
        >>> why_incomplete(0.25)
        'its sum misses y(A) - y(B) by 25 %, also with 1,024 points on the path: trust where it points, not its magnitude'
    """
    if not gap > INTEGRATED_GRADIENTS.tolerance:
        return None
    return (
        f"its sum misses y(A) - y(B) by {gap:.0%}, also with {INTEGRATED_GRADIENTS.most:,} points on the path: trust where it points, "
        "not its magnitude"
    ).replace("%,", " %,")
