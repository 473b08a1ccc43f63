"""Maps drawn over their pictures. The map is upsampled here and only here; every number is taken on the native grid."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from gazeshift.measures import undefined
from gazeshift.measures.where import over_maximum

Pixels = UInt8[np.ndarray, "h w 3"]

HALF = 0.5  # of the maximum: where the outline runs
REDDEST = 0.93  # of turbo: its last reds are so dark that they would hide what the model looks at
OPACITY = 0.8  # at the maximum; it falls in proportion to the value, to nothing where the map is 0


@dataclass(frozen=True)
class Quality:
    """How pictures are embedded in the page.

    Attributes:
        edge: pixels of the longer side.
        jpeg: JPEG quality, 1 to 95.
        most: number of samples shown per table; None for all.
    """

    edge: int
    jpeg: int
    most: int | None = None


def is_undefined(raw: Float[np.ndarray, "h w"]) -> bool:
    """Whether a map has no positive evidence anywhere.

    Example:
        >>> is_undefined(-np.ones((2, 2)))
        True
    """
    return bool(undefined(raw))


def overlay(picture: Image.Image, raw: Float[np.ndarray, "h w"]) -> Image.Image:
    """The map over its picture, which is faded to nearly grey so that colour always means the map.

    Native grid, ReLU, divided by its own maximum, bilinear to the picture's size (cell centres on pixel centres). Colour and opacity
    rise with the value (turbo: red is where the model looks), opacity from 0: where the map is 0 nothing is drawn. A white line
    runs at half the maximum. An undefined map is hatched.

    Example:
        >>> overlay(Image.new("RGB", (32, 32)), np.ones((4, 4))).size
        (32, 32)
    """
    base = pale(picture)
    if is_undefined(raw):
        return Image.fromarray(hatched(base))
    grid = Image.fromarray(over_maximum(raw).astype(np.float32))
    value = np.clip(np.asarray(grid.resize(picture.size, Image.Resampling.BILINEAR)), 0, 1)
    colour = _colours("turbo", REDDEST * value) * 255
    opacity = (OPACITY * value)[..., None]
    mixed = base * (1 - opacity) + colour * opacity
    mixed[_outline(value >= HALF)] = 255
    return Image.fromarray(mixed.round().astype(np.uint8))


def colour_bar() -> Image.Image:
    """The legend: the scale from 0 to 1, drawn like a map, over mid grey."""
    return overlay(Image.new("RGB", (256, 16), (128, 128, 128)), np.linspace(0, 1, 256)[None, :])


def density(p: Float[np.ndarray, "h w"], top: float, edge: int = 192) -> Image.Image:
    """A distribution over cells as a grid of flat cells, from 0 to ``top`` times the mass of a uniform one; nothing is smoothed.

    Uses a different colour scale from maps (viridis), because this is not the map of one picture.

    Example:
        >>> density(np.full((2, 4), 1 / 8), 2.0, edge=8).size
        (8, 4)
    """
    colour = _colours("viridis", np.clip(p * p.size / top, 0, 1))
    cell = max(1, edge // max(p.shape))
    pixels = (colour * 255).round().astype(np.uint8).repeat(cell, 0).repeat(cell, 1)
    return Image.fromarray(pixels)


def density_bar() -> Image.Image:
    """The legend of ``density``, from 0 to the top."""
    return density(np.linspace(0, 1, 256)[None, :], 256.0, edge=256).resize((256, 16))


def shrunk(picture: Image.Image, edge: int) -> Image.Image:
    """A picture whose longer side is at most ``edge``; it is never enlarged.

    Example:
        >>> shrunk(Image.new("RGB", (64, 32)), 16).size
        (16, 8)
    """
    small = picture.convert("RGB")
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return small


def data_uri(picture: Image.Image, quality: Quality) -> str:
    """A picture as a ``data:`` address, shrunk to the edge.

    Example:
        >>> data_uri(Image.new("RGB", (64, 64)), Quality(32, 80))[:23]
        'data:image/jpeg;base64,'
    """
    buffer = io.BytesIO()
    shrunk(picture, quality.edge).save(buffer, "JPEG", quality=quality.jpeg, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def png_uri(picture: Image.Image) -> str:
    """A picture with few colours as a lossless ``data:`` address."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _colours(scale: str, values: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s 3"]:
    """Colours of values from 0 to 1, red, green and blue from 0 to 1."""
    import matplotlib as mpl  # noqa: PLC0415  whoever prints numbers alone need not wait for it

    return np.asarray(mpl.colormaps[scale](values)[..., :3])


def pale(picture: Image.Image) -> Float[np.ndarray, "h w 3"]:
    """A picture nearly grey and lighter, 0 to 255, so that colour over it always means a map."""
    rgb = np.asarray(picture.convert("RGB"), dtype=np.float64)
    grey = np.asarray(picture.convert("L"), dtype=np.float64)[..., None]
    return 40 + 0.84 * (0.2 * rgb + 0.8 * grey)


def _outline(inside: np.ndarray) -> np.ndarray:
    """Pixels of a region that touch a pixel outside it."""
    edge = np.zeros_like(inside)
    across, down = inside[:, 1:] != inside[:, :-1], inside[1:] != inside[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return np.asarray(edge & inside)


def hatched(base: Float[np.ndarray, "h w 3"]) -> Pixels:
    """A pale picture under stripes: there is no map."""
    height, width = base.shape[:2]
    step = max(8, width // 14)
    diagonal = (np.arange(height)[:, None] + np.arange(width)[None, :]) % step < max(1, step // 6)
    marked = base * 0.45 + 0.55 * 235
    marked[diagonal] = 110
    return marked.round().astype(np.uint8)
