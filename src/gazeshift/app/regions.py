"""The regions of a picture of the data: in its own pixels, and as a model sees them."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool
from PIL import Image
from pydantic import BaseModel, ConfigDict

from gazeshift.data.decode import image_size
from gazeshift.data.regions.masks import mask_of, reader
from gazeshift.names import spoken
from gazeshift.pairs import Pair
from gazeshift.saliency.regions import on_view

EDGE = 192
"""Pixels of the longer side of an outline's mask: the page draws a line, not an area."""

Masks = Mapping[str, Bool[np.ndarray, "height width"]]
View = Callable[[Image.Image], Image.Image]


class Outline(BaseModel):
    """A region on the part of a picture that a model sees.

    Attributes:
        name: what it is of.
        rows: of its mask.
        columns: of its mask.
        runs: lengths of its runs, row after row; those at even places lie outside of the region, the first may be 0.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    rows: int
    columns: int
    runs: tuple[int, ...]


class Outlines(BaseModel):
    """The regions of a picture before a model.

    Attributes:
        seen: those that the model sees.
        unseen: names of those outside of what it sees.
    """

    model_config = ConfigDict(frozen=True)

    seen: tuple[Outline, ...]
    unseen: tuple[str, ...]


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


def in_view(masks: Masks, view: View) -> tuple[Masks, tuple[str, ...]]:
    """The masks, in a picture's pixels, that a model sees something of, and the names of the others.

    Args:
        masks: in the picture's pixels.
        view: the part of a picture of this size that the model sees.
    """
    seen = {name: mask for name, mask in masks.items() if on_view(mask, view).any()}
    return seen, tuple(name for name in masks if name not in seen)


def outlines(masks: Masks, view: View) -> Outlines:
    """Regions as they lie on a model's view of their picture.

    Args:
        masks: in the picture's pixels; may be none.
        view: the part of a picture of this size that the model sees.

    Example:
        >>> left = np.arange(8)[None, :].repeat(4, 0) < 2
        >>> outlines({"dish": left}, lambda whole: whole.crop((0, 0, 4, 4))).seen[0].runs
        (0, 2, 2, 2, 2, 2, 2, 2, 2)
    """
    fitted = {name: on_view(mask, view) for name, mask in masks.items()}
    return Outlines(
        seen=tuple(_outline(name, mask) for name, mask in fitted.items() if mask.any()),
        unseen=tuple(name for name, mask in fitted.items() if not mask.any()),
    )


def _outline(name: str, mask: Bool[np.ndarray, "H W"]) -> Outline:
    small = Image.fromarray(mask)
    if max(small.size) > EDGE:
        share = EDGE / max(small.size)
        small = small.resize((max(1, round(small.width * share)), max(1, round(small.height * share))))
    inside = np.asarray(small).astype(bool)
    flat = np.concatenate([[False], inside.ravel(), [not inside.ravel()[-1]]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return Outline(
        name=name, rows=inside.shape[0], columns=inside.shape[1], runs=tuple(np.diff(edges, prepend=0).tolist())
    )
