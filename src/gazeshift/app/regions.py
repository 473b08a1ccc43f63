"""The regions of a picture of the data, in its own pixels."""

import numpy as np
from jaxtyping import Bool

from gazeshift.data.decode import image_size
from gazeshift.data.regions.masks import mask_of, reader
from gazeshift.names import spoken
from gazeshift.pairs import Pair


def regions_of(pair: Pair) -> dict[str, Bool[np.ndarray, "height width"]]:
    """Masks by the name of what they are of; numbered where two are alike. Those that nothing is left of are left out.

    Raises:
        DataError, ImageError: a mask that does not fit its picture, or cannot be decoded.
    """
    if not pair.has_regions:
        return {}
    size, read = image_size(pair.image, pair.key), reader()
    found: dict[str, Bool[np.ndarray, "height width"]] = {}
    for each in pair.objects:
        if each.shapes and (mask := mask_of(pair, each, size, read)).any():
            name = " ".join(part for part in (each.colour, spoken(each.name)) if part)
            found[name if name not in found else f"{name} ({each.index})"] = mask
    return found
