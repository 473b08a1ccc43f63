"""Regions of a picture, however they are named: cells, boxes, masks or labels, as masks on the part of the picture that a model sees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from gazeshift.errors import UsageError

Box = Sequence[float | int]
"""Left, upper, right and lower edge in the picture's own pixels."""

Regions = tuple[int, ...] | Mapping[str, Box | np.ndarray] | np.ndarray
"""``(rows, columns)``: equal cells of what the model sees. Boxes and masks by name, or a map of labels (0: no region), in the picture's own
pixels; masks may overlap. What lies beyond the picture is cut off."""

MOST = 100
"""How many regions a table may have: nobody reads more, and each holds a mask."""
_WHITE = 255


@dataclass(frozen=True, eq=False)
class SeenRegions:
    """Regions as a model sees them.

    Attributes:
        names: of the regions; cells are called ``r1 c1``, labels by their number.
        masks: where each one is in the model's view of the picture.
    """

    names: tuple[str, ...]
    masks: Bool[np.ndarray, "regions H W"]

    def resized(self, height: int, width: int) -> Float[np.ndarray, "regions h w"]:
        """The share of each cell of a grid that lies in each region."""
        return np.stack([averaged(mask, width, height) for mask in self.masks])


def seen_regions(regions: Regions, picture: Image.Image, view: Callable[[Image.Image], Image.Image]) -> SeenRegions:
    """Regions of a picture on what a model sees of it.

    Args:
        regions: cells, boxes, masks or labels.
        picture: the whole picture.
        view: the part of a picture of this size that the model sees, as ``Model.view`` says.

    Raises:
        UsageError: no region, a box without extent, a mask of another size, a region outside what the model sees.

    Example:
        >>> seen = seen_regions({"left": (0, 0, 30, 40)}, Image.new("RGB", (60, 40)), lambda whole: whole.crop((10, 0, 50, 40)))
        >>> seen.masks.shape, seen.masks[0].mean()
        ((1, 40, 40), np.float64(0.5))
    """
    if isinstance(regions, tuple):
        return _cells(regions, view(picture).size)
    masks = _by_name(regions, picture.size)
    if not masks:
        raise UsageError(
            "the table needs at least one region: cells (rows, columns), boxes or masks by name, or a map of labels."
        )
    seen = {name: on_view(mask, view) for name, mask in masks.items()}
    unseen = next((name for name, mask in seen.items() if not mask.any()), None)
    if unseen is not None:
        raise UsageError(f"region {unseen!r} lies outside the part of the picture that the model sees.")
    return SeenRegions(tuple(seen), np.stack(list(seen.values())))


def _cells(shape: tuple[int, ...], size: tuple[int, int]) -> SeenRegions:
    if len(shape) != 2 or not all(isinstance(side, int) and side > 0 for side in shape):
        raise UsageError(
            f"regions {shape}: cells are (rows, columns), two whole numbers from 1; name boxes: {{'dog': box}}."
        )
    (rows, columns), (width, height) = shape, size
    _check_count(rows * columns)
    if rows > height or columns > width:
        raise UsageError(f"{rows} x {columns} cells are more than the {width} x {height} pixels that the model sees.")
    # A pixel belongs to the cell that its middle is in, as for maps.
    row, column = (
        (2 * np.arange(height) + 1) * rows // (2 * height),
        (2 * np.arange(width) + 1) * columns // (2 * width),
    )
    number = row[:, None] * columns + column
    names = tuple(f"r{1 + cell // columns} c{1 + cell % columns}" for cell in range(rows * columns))
    return SeenRegions(names, number == np.arange(rows * columns)[:, None, None])


def _by_name(
    regions: Mapping[str, Box | np.ndarray] | np.ndarray, size: tuple[int, int]
) -> dict[str, Bool[np.ndarray, "H W"]]:
    """A mask in the picture's pixels for each name."""
    if isinstance(regions, Mapping):
        _check_count(len(regions))
        return {str(name): _mask(str(name), one, size) for name, one in regions.items()}
    labels = np.asarray(regions)
    if labels.dtype == bool or not np.issubdtype(labels.dtype, np.integer):
        raise UsageError(
            f"a map of labels holds whole numbers, not {labels.dtype}; name a single mask: {{'dog': mask}}."
        )
    _check_size("the map of labels", labels, size)
    found = [label for label in np.unique(labels).tolist() if label]
    _check_count(len(found))
    return {str(label): labels == label for label in found}


def _check_count(regions: int) -> None:
    if regions > MOST:
        raise UsageError(
            f"{regions} regions are more than the {MOST} that a table holds: give larger ones, or merge some."
        )


def _mask(name: str, region: Box | np.ndarray, size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    if isinstance(region, np.ndarray) and region.ndim == 2:
        _check_size(f"mask {name!r}", region, size)
        return region.astype(bool)
    try:
        box = np.asarray(region, dtype=float)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
        raise UsageError(
            f"region {name!r}: a box is left, upper, right, lower in pixels, with left < right and upper < lower."
        )
    if ((box >= 0) & (box <= 1)).all() and (box % 1).any():
        raise UsageError(f"region {name!r}: numbers from 0 to 1 are shares of the picture; give pixels.")
    left, upper, right, lower = box
    (width, height) = size
    across, down = np.arange(width) + 0.5, np.arange(height) + 0.5
    found = ((down > upper) & (down < lower))[:, None] & ((across > left) & (across < right))
    if not found.any():
        raise UsageError(f"region {name!r}: the box holds no pixel of a picture of {width} x {height}.")
    return np.asarray(found)


def _check_size(what: str, mask: np.ndarray, size: tuple[int, int]) -> None:
    if mask.shape != size[::-1]:
        shape = " x ".join(map(str, mask.shape[::-1]))
        raise UsageError(
            f"{what} has {shape} pixels, but the picture {size[0]} x {size[1]}: it must have the picture's own size."
        )


def on_view(mask: Bool[np.ndarray, "H W"], view: Callable[[Image.Image], Image.Image]) -> Bool[np.ndarray, "y x"]:
    """A mask of a picture on what a model sees of it: drawn white on black, and cut like the picture."""
    drawn = Image.fromarray(mask.astype(np.uint8) * _WHITE).convert("RGB")
    return np.asarray(view(drawn).convert("L")) > _WHITE // 2


def averaged(mask: Bool[np.ndarray, "H W"], width: int, height: int) -> Float[np.ndarray, "h w"]:
    """The share of each pixel, or cell, of another raster that lies in a mask.

    Example:
        >>> averaged(np.eye(4, dtype=bool), 2, 2).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    grid = Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    return np.asarray(grid, dtype=np.float64)
