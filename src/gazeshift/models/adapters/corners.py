"""Where a layer sees the corners of an image: what a layout that fits by its shape is held against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters.inputs import Inputs, mapped, take
from gazeshift.models.adapters.layouts import Layout
from gazeshift.models.adapters.sides import Sides, sides_of

_SPECIFIC = 3.0
"""A place belongs to one corner if it moves at least this many times as much for it as for any other corner."""
_FAINT = 0.3
"""A cell does not see its own corner if it moves less than this fraction of what moves most."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A forward pass whose layer gave an output, and the way to make others like it.

    Attributes:
        images: those of the pass, a row each.
        rows: how many these are.
        model: all modules.
        tap: the layer; None where there is none.
        run: the layer's output for other images in their place.
    """

    images: Inputs
    rows: int
    model: nn.Module
    tap: nn.Module | None
    run: Callable[[Inputs], Tensor]


@dataclass(frozen=True, eq=False)
class Seen:
    """How much everything in an output moves with another content in each of the four corners of the image.

    Attributes:
        cells: of the grid.
        beside: of all that is no cell.
    """

    cells: Float[Tensor, "4 h w"]
    beside: Float[Tensor, "4 n"]

    def in_place(self, reach: int) -> bool:
        """Whether each corner moves a cell the most that is at most ``reach`` cells from it, and nothing beside the grid as much."""
        width = self.cells.shape[2]
        most = [divmod(place, width) for place in self.cells.flatten(1).argmax(1).tolist()]
        near = all(max(abs(y - v), abs(x - u)) <= reach for (y, x), (v, u) in zip(most, self._corners, strict=True))
        return near and bool((self.cells.flatten(1).amax(1) > self.beside.amax(1)).all())

    def elsewhere(self) -> bool:
        """Whether every corner has a place that answers to it and to no other, and for one of them that is not its own cell."""
        every = torch.cat([self.cells.flatten(1), self.beside], 1)
        strongest, place = every.max(1)
        others = every[:, place].masked_fill(torch.eye(4, dtype=torch.bool, device=every.device), 0).amax(0)
        own = torch.stack([one[corner] for one, corner in zip(self.cells, self._corners, strict=True)])
        return bool((strongest > _SPECIFIC * others).all() and (own < _FAINT * strongest).any())

    @property
    def _corners(self) -> list[tuple[int, int]]:
        return corners(*self.cells.shape[1:])


@dataclass(frozen=True, eq=False)
class Corners:
    """Passes with one corner of the image changed.

    Attributes:
        output: what the layer gave for the images as they are.
        images: their sides.
        trial: how to run others.
    """

    output: Tensor
    images: tuple[Sides, ...]
    trial: Trial
    _tried: dict[tuple[int, int], Tensor | None] = field(default_factory=dict)

    def seen(self, layout: Layout, batch: int) -> Seen | None:
        """How the output moves, read by a layout; None where it cannot be tried.

        Args:
            layout: of the output.
            batch: the axis of the rows.
        """
        height, width = self.sizes(layout)
        outputs = self._outputs(height, width) if self.images and height * width > 1 else None
        if outputs is None:
            return None
        rows = outputs.transpose(0, batch)
        if rows.shape[1:] != self.output.transpose(0, batch).shape[1:] or len(rows) != 5:
            return None  # the rows are on another axis, or tokens were dropped
        moves = (rows - rows[:1]).abs().transpose(0, batch)
        grids = layout.read(moves)
        beside = layout.write(moves, torch.zeros_like(grids)).transpose(0, batch)[1:].flatten(1)
        return Seen(grids[1:].amax(1), beside)

    def sizes(self, layout: Layout) -> tuple[int, int]:
        """Height and width of the grid; 1 x 1 where the layout does not fit the output."""
        try:
            height, width = layout.read(self.output).shape[2:]
        except ModelError:
            return 1, 1
        return height, width

    def _outputs(self, height: int, width: int) -> Tensor | None:
        """The output for the first image as it is and with each corner changed; None where the model does not run on five images."""
        if (height, width) not in self._tried:
            changed = mapped(
                take(self.trial.images, torch.zeros(5, dtype=torch.long)),
                lambda leaf: _changed(leaf, self.images[0], height, width),
            )
            try:
                self._tried[height, width] = self.trial.run(changed).float()
            except (RuntimeError, ModelError):
                self._tried[height, width] = None
        return self._tried[height, width]


def corners(height: int, width: int) -> list[tuple[int, int]]:
    """The four corner cells of a grid.

    Example:
        >>> corners(3, 5)
        [(0, 0), (0, 4), (2, 0), (2, 4)]
    """
    return [(row, column) for row in (0, height - 1) for column in (0, width - 1)]


def _changed(leaf: Any, sides: Sides, height: int, width: int) -> Any:
    """Rows of an image of which all but the first have another content in one corner cell; other inputs stay."""
    if not isinstance(leaf, Tensor) or leaf.ndim not in {4, 5} or sides_of(leaf) != (sides,):
        return leaf
    axes = (-2, -1) if leaf.shape[-2:] == (sides.height, sides.width) else (-3, -2)
    changed, low, high = leaf.clone(), float(leaf.min()), float(leaf.max())
    noise = torch.rand(leaf.shape[1:], generator=torch.Generator().manual_seed(0))
    other = (low + noise * max(high - low, 1.0)).to(leaf.device, leaf.dtype)
    for row, corner in enumerate(corners(height, width), start=1):
        where = [slice(None)] * (leaf.ndim - 1)
        for axis, cell, side, cells in zip(axes, corner, (sides.height, sides.width), (height, width), strict=True):
            where[axis] = slice(cell * side // cells, max((cell + 1) * side // cells, cell * side // cells + 1))
        changed[row][tuple(where)] = other[tuple(where)]
    return changed
