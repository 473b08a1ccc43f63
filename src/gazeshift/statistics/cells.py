"""The input of every interval: one mean per training seed and class."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError

Cells = Float[np.ndarray, "seeds classes"]
# What an interval generalises to: what was replicated, and so could be seen to vary.
Scope = Literal["seeds and classes", "classes", "seeds", "none"]


@dataclass(frozen=True)
class Complete:
    """The classes that have a value for every seed.

    Attributes:
        values: without NaN.
        dropped_classes: how many classes were left out because a cell was missing.
        scope: what an interval on these cells generalises to; "none" for a single cell.
    """

    values: Cells
    dropped_classes: int
    scope: Scope


def complete(cells: Cells) -> Complete:
    """Leave out the classes with a missing (not finite) cell; the balanced formulas need every cell.

    Raises:
        UsageError: not a table, an empty one, or no class is complete.

    Example:
        >>> found = complete(np.array([[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]]))
        >>> found.values.tolist(), found.dropped_classes, found.scope
        ([[1.0, 2.0], [3.0, 4.0]], 1, 'seeds and classes')
    """
    cells = np.asarray(cells, dtype=np.float64)
    if cells.ndim != 2 or cells.size == 0:
        raise UsageError(f"cell means must be a table of seeds x classes, not an array of shape {cells.shape}.")
    whole = np.isfinite(cells).all(0)
    if not whole.any():
        emptiest = int(np.isfinite(cells).sum(1).argmin())
        raise UsageError(
            f"no class has a value for each of the {len(cells)} seeds; leave out the emptiest seed (row {emptiest})."
        )
    values = cells[:, whole]
    repeated_seeds, repeated_classes = values.shape[0] > 1, values.shape[1] > 1
    scope: Scope = "none"
    if repeated_seeds and repeated_classes:
        scope = "seeds and classes"
    elif repeated_seeds or repeated_classes:
        scope = "classes" if repeated_classes else "seeds"
    return Complete(values, int((~whole).sum()), scope)
