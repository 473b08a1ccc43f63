"""Call a user's function on a batch; the only place that checks the result."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError


def ask(function: Callable[[Any], Any], batch: np.ndarray, name: str) -> Float[np.ndarray, " m"]:
    """One number in float64 for each of the ``m`` items of a batch.

    Raises:
        UsageError: the function returned something else.

    Example:
        >>> ask(lambda keep: keep.sum((1, 2)), np.ones((2, 3, 3)), "score").tolist()
        [9.0, 9.0]
    """
    answer = np.asarray(function(batch), dtype=np.float64)
    if answer.shape != (len(batch),):
        raise UsageError(
            f"{name} must give one number for each of the {len(batch)} items it gets, not an array of shape {answer.shape}."
        )
    return answer
