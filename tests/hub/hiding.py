"""A square of a picture hidden pixel by pixel, as occlusion hides it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

Box = tuple[int, int, int, int]


def without(
    seen: Image.Image, cell: tuple[int, int], shape: tuple[int, int], mean: Sequence[float], covered: Box | None = None
) -> Image.Image:
    """A picture with a cell in the processor's mean colour; a pixel belongs to the cell that its middle is in.

    Args:
        seen: the picture.
        cell: row and column.
        shape: rows and columns of cells.
        mean: the colour, 0 to 1.
        covered: left, upper, right and lower edge of what the cells cover, beyond the picture where that is padded; all of it if None.
    """
    left, upper, right, lower = covered or (0, 0, *seen.size)
    shades = np.asarray(seen).copy()
    for y in range(seen.height):
        for x in range(seen.width):
            row = int((y - upper + 0.5) * shape[0] // (lower - upper))
            column = int((x - left + 0.5) * shape[1] // (right - left))
            if (row, column) == cell:
                shades[y, x] = [round(colour * 255) for colour in mean]
    return Image.fromarray(shades)
