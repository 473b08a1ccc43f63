"""Stored maps as distributions, indexed by what they are maps of."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from gazeshift.measures import distribution

Drawn = dict[str, dict[str, Float[np.ndarray, "h w"]]]
"""By edit and key: the map of the predicted class, as a distribution."""

ByClass = dict[tuple[str, str], Float[np.ndarray, "h w"]]
"""By key and class name: the map of that class, as a distribution."""


def drawn(rows: pd.DataFrame, maps: Float[np.ndarray, "n h w"]) -> Drawn:
    """Stored maps of the predicted class as distributions, by edit and key."""
    mine = (rows["target"] == "predicted").to_numpy()
    found: Drawn = {}
    for edit, key, p in zip(rows["edit"][mine], rows["key"][mine], distribution(maps[mine]), strict=True):
        found.setdefault(str(edit), {})[str(key)] = p
    return found


def by_class(rows: pd.DataFrame, maps: Float[np.ndarray, "n h w"]) -> ByClass:
    """Stored maps of every class, of a model that reads no text."""
    return {
        (str(key), str(name)): p for key, name, p in zip(rows["key"], rows["class"], distribution(maps), strict=True)
    }
