"""Where a layer sees the corners of an image: the test of a layout that fits by shape."""

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
    """A forward pass with a layer's output, and a way to run others like it.

    Attributes:
        images: those of the pass, a row each.
        rows: how many these are.
        model: all modules.
        tap: the layer; None if there is none.
        run: computes the layer's output for other images.
    """

    images: Inputs
    rows: int
    model: nn.Module
    tap: nn.Module | None
    run: Callable[[Inputs], Tensor]


@dataclass(frozen=True, eq=False)
class Seen:
    """How much everything in an output moves when the content of each of the image's four corners changes.

    Attributes:
        cells: movement of the grid's cells.
        beside: movement of everything that is not a cell.
    """

    cells: Float[Tensor, "4 h w"]
    beside: Float[Tensor, "4 n"]

    def in_place(self, reach: int) -> bool:
        """Whether each corner moves most a cell at most ``reach`` cells away, and moves nothing outside the grid as much."""
        width = self.cells.shape[2]
        most = [divmod(place, width) for place in self.cells.flatten(1).argmax(1).tolist()]
        near = all(max(abs(y - v), abs(x - u)) <= reach for (y, x), (v, u) in zip(most, self._corners, strict=True))
        return near and bool((self.cells.flatten(1).amax(1) > self.beside.amax(1)).all())

    def elsewhere(self) -> bool:
        """Whether every corner has a place that responds only to it, and for at least one corner that is not its own cell."""
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
        output: the layer's output for the unchanged images.
        images: the images' sides.
        trial: runs other images.
    """

    output: Tensor
    images: tuple[Sides, ...]
    trial: Trial
    _tried: dict[tuple[int, int], Tensor | None] = field(default_factory=dict)

    def seen(self, layout: Layout, batch: int) -> Seen | None:
        """How the output moves, read by a layout; None if it cannot be tested.

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
        """Height and width of the grid; 1 x 1 if the layout does not fit the output."""
        try:
            height, width = layout.read(self.output).shape[2:]
        except ModelError:
            return 1, 1
        return height, width

    def _outputs(self, height: int, width: int) -> Tensor | None:
        """The output for the first image, unchanged and with each corner changed; None if the model does not run on five images."""
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
    """Copies of an image, all but the first with one corner cell changed; other inputs stay the same."""
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
