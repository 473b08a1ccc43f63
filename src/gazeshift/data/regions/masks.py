"""Regions as masks, on the picture or on the crop that a model sees."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int
from PIL import Image

from gazeshift.data.decode import image_size, stored_levels
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import ImageSource, Levels, Pair, SceneObject

if TYPE_CHECKING:  # gazeshift data check looks at masks and needs no torch
    from gazeshift.preprocessing import Preprocessing

REFERRED = 0
"""The key of the region that the pair's own text refers to: all its referred objects together."""


def region_masks(pair: Pair, preprocessing: "Preprocessing") -> Mapping[int, Bool[np.ndarray, "size size"]]:
    """The regions of a pair's objects by index, cropped exactly as ``preprocessing`` crops its image, so that they fit maps on the crop.

    Under ``REFERRED`` there is what all referred objects cover. Nearest neighbour, so a pixel of the crop is covered or not. Objects of
    unknown place are left out, and those that lie outside the crop have an empty mask.

    Raises:
        DataError: no region is known, or one does not fit its picture.
        ImageError: the picture of a mask cannot be decoded.
    """
    if not pair.has_regions:
        raise DataError(f"{pair.key}: no region is known; see docs/data.md for how data give them.")
    width, height = image_size(pair.image, pair.key)
    read = reader()
    masks: dict[int, np.ndarray] = {}
    referred = np.zeros((preprocessing.size, preprocessing.size), bool)
    for each in pair.objects:
        if each.shapes:
            whole = mask_of(pair, each, (width, height), read)
            cropped = preprocessing.crop_image(Image.fromarray(whole.astype(np.uint8)), "nearest")
            masks[each.index] = np.asarray(cropped).astype(bool)
            referred |= masks[each.index] & each.referred
    return {REFERRED: referred, **masks}


def mask_of(pair: Pair, each: SceneObject, size: tuple[int, int], read: Levels) -> Bool[np.ndarray, "height width"]:
    """The region of one object on its upright picture.

    Args:
        pair: for messages.
        each: the object.
        size: width and height of the picture.
        read: reads the pictures of masks (``reader``).

    Raises:
        DataError: the region does not fit its picture.
        ImageError: the picture of a mask cannot be decoded.
    """
    covered = np.zeros((size[1], size[0]), bool)
    for shape in each.shapes:
        try:
            covered |= shape.mask(*size, read)
        except ImageError as error:  # which is a DataError, too
            raise ImageError(f"{pair.key}: the mask of the region {each.name!r} cannot be read: {error}") from error
        except DataError as error:
            raise DataError(f"{pair.key}: the region {each.name!r} does not fit: {error}.") from error
    return covered


def reader() -> Levels:
    """Reads pictures of masks, each once: a label map holds many objects."""
    known: dict[ImageSource, np.ndarray] = {}
    return partial(_levels, known)


def _levels(known: dict[ImageSource, np.ndarray], source: ImageSource) -> Int[np.ndarray, "h w *channels"]:
    if source not in known:
        known[source] = stored_levels(source)
    return known[source]
