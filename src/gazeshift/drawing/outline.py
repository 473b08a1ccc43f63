"""Outlines of regions on pictures."""

import numpy as np
from jaxtyping import Bool
from PIL import Image

_DARK, _LIGHT = (28, 30, 34), (255, 255, 255)


def outlined(picture: Image.Image, mask: Bool[np.ndarray, "H W"]) -> Image.Image:
    """A picture with the outline of a region that fits it: white, with a dark line inside, so that it shows on any ground.

    Example:
        >>> outlined(Image.new("RGB", (8, 8)), np.ones((8, 8), bool)).getpixel((0, 0))
        (255, 255, 255)
    """
    inside = np.asarray(Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST))
    pixels = np.array(picture.convert("RGB"))
    pixels[edge(inside, 2)] = _DARK
    pixels[edge(inside, 1)] = _LIGHT
    return Image.fromarray(pixels)


def edge(mask: Bool[np.ndarray, "h w"], thick: int) -> Bool[np.ndarray, "h w"]:
    """The pixels of a mask within some pixels of its outside; the border of the picture is outside."""
    inner = np.pad(mask, thick)
    for _ in range(thick):
        around = np.pad(inner, 1)
        inner = around[1:-1, 1:-1] & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return np.asarray(mask & ~inner[thick:-thick, thick:-thick])
