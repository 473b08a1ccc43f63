"""Layouts of a layer's output, with their conversion to ``b c h w`` and back in one place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.features import TokenPlaces


@runtime_checkable
class Layout(Protocol):
    """How a layer's output holds its grids, one per row of the input."""

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The grids in a layer's output."""

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The same output with other grids in it."""


LayoutRule = Callable[[Inputs, Inputs], Layout]
"""A layout that depends on the rows: a function from the images and texts of one pass to the layout of its output."""


@dataclass(frozen=True)
class ChannelsFirst:
    """``b c h w``, the output of convolutions."""

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The output itself."""
        return output

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The grid itself."""
        return grid


@dataclass(frozen=True)
class Permuted:
    """Another layout with permuted axes: ``b h w c``, ``n b c`` (sequence first), ``b c n``.

    Attributes:
        axes: for each axis of ``inner``, which axis of the layer's output it is.
        inner: the layout after the permutation.

    Example:
        >>> sequence_first = Permuted((1, 0, 2), TokenGrid(2, 3, prefix=1))
        >>> sequence_first.read(torch.zeros(7, 4, 16)).shape
        torch.Size([4, 16, 2, 3])
    """

    axes: tuple[int, ...]
    inner: Layout

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The grids, read with the axes in the inner order.

        Raises:
            ModelError: a different number of axes.
        """
        return self.inner.read(self._moved(output))

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The grids written, and the axes moved back."""
        back = tuple(self.axes.index(axis) for axis in range(len(self.axes)))
        return self.inner.write(self._moved(output), grid).permute(back)

    def _moved(self, output: Tensor) -> Tensor:
        if output.ndim != len(self.axes):
            raise ModelError(f"the layer gives {tuple(output.shape)}, but its layout has {len(self.axes)} axes.")
        return output.permute(self.axes)


@dataclass(frozen=True)
class Slices:
    """``b c d h w``, a volume or a video: its slices stacked vertically, each ``h`` rows of the map.

    Example:
        >>> Slices().read(torch.zeros(2, 8, 4, 5, 6)).shape
        torch.Size([2, 8, 20, 6])
    """

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The slices stacked vertically."""
        return output.flatten(2, 3)

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The slices in their original order."""
        return grid.reshape(output.shape)


@dataclass(frozen=True, eq=False)
class TokensAt:
    """``b n c``: tokens, some of which, in any order, are the cells of the grid.

    For orders other than row by row: window after window, a token at the end of each line, a different start in each row.

    Attributes:
        cells: the token index of each cell, the same for all rows or one grid per row.

    Example:
        >>> windows = torch.tensor([[0, 1, 4, 5], [2, 3, 6, 7]])  # two windows of 2 x 2, one after the other
        >>> TokensAt(windows).read(torch.arange(8.0).view(1, 8, 1))[0, 0]
        tensor([[0., 1., 4., 5.],
                [2., 3., 6., 7.]])
    """

    cells: Int[Tensor, "h w"] | Int[Tensor, "b h w"]

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The cells' tokens as grids.

        Raises:
            ModelError: a cell's token does not exist, or the number of rows differs.
        """
        rows, cells = self.places(output)
        return output[rows, cells].transpose(1, 2).reshape(len(output), -1, *self.cells.shape[-2:])

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The same tokens with other grids among them."""
        return output.index_put(self.places(output), grid.flatten(2).transpose(1, 2))

    def places(self, output: Tensor) -> tuple[Int[Tensor, "b 1"], Int[Tensor, "b n"]]:
        """Row and token of every cell."""
        shape, cells = tuple(output.shape), self.cells.to(output.device).flatten(-2)
        fits = cells.ndim == 1 or output.shape[:1] == cells.shape[:1]
        if output.ndim != 3 or not fits or not bool(((cells >= 0) & (cells < shape[1])).all()):
            raise ModelError(
                f"the layer gives {shape}, but the layout's cells are tokens {int(cells.min())} to {int(cells.max())} of "
                f"{'all' if cells.ndim == 1 else len(cells)} rows."
            )
        return torch.arange(shape[0], device=output.device)[:, None], cells.expand(shape[0], -1)


@dataclass(frozen=True, eq=False)
class TokenGrid:
    """``b n c``: tokens, of which ``height x width``, row by row, are the image's, after ``prefix`` others.

    The tokens before and after them (class token, registers, words) are unchanged.

    Attributes:
        height: rows of the grid.
        width: cells in a row; the regions of a detector are a grid of height 1.
        prefix: number of tokens before the image's; a sequence or tensor if each row has its own number (padding on the left).

    Example:
        >>> TokenGrid(2, 3, prefix=1).read(torch.zeros(4, 7, 16)).shape
        torch.Size([4, 16, 2, 3])
    """

    height: int
    width: int
    prefix: int | Sequence[int] | Int[Tensor, " b"] = 0

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The image's tokens as grids.

        Raises:
            ModelError: the output has too few tokens, or the prefixes are those of other rows.
        """
        return self.tokens(output).read(output)

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The same tokens with other grids among them."""
        return self.tokens(output).write(output, grid)

    def tokens(self, output: Tensor) -> TokensAt:
        """The same layout token by token."""
        prefix = torch.as_tensor(self.prefix)
        stop = int(prefix.max()) + self.height * self.width
        if output.ndim != 3 or output.shape[1] < stop or prefix.numel() not in {1, len(output)}:
            before = (
                f"{int(prefix)}"
                if prefix.numel() == 1
                else f"up to {int(prefix.max())} (one number for each of {len(prefix)} rows)"
            )
            raise ModelError(
                f"the layer gives {tuple(output.shape)}, but a grid of {self.height} x {self.width} tokens after {before} others "
                f"needs (batch, at least {stop}, channels)."
            )
        cells = torch.arange(self.height * self.width).view(self.height, self.width)
        return TokensAt(cells + (prefix[:, None, None] if prefix.numel() > 1 else prefix.reshape(())))


CHANNELS_LAST = Permuted((0, 3, 1, 2), ChannelsFirst())


def sequence_first(inner: Layout) -> Permuted:
    """``n b c``: the tokens before the batch.

    Example:
        >>> sequence_first(TokenGrid(2, 3)).read(torch.zeros(6, 4, 16)).shape
        torch.Size([4, 16, 2, 3])
    """
    return Permuted((1, 0, 2), inner)


def windows(height: int, width: int, size: int) -> TokensAt:
    """Tokens window after window, as Qwen2-VL's image tower orders its patches (``size`` is its ``spatial_merge_size``).

    Example:
        >>> windows(2, 4, 2).cells
        tensor([[0, 1, 4, 5],
                [2, 3, 6, 7]])
    """
    order = torch.arange(height * width).view(height // size, width // size, size, size)
    return TokensAt(order.transpose(1, 2).reshape(height, width))


def rows_first(layout: Layout) -> bool:
    """Whether entry i of a layer's output belongs to row i of the input, so that rows can be picked from it."""
    if isinstance(layout, Permuted):
        return layout.axes[0] == 0 and rows_first(layout.inner)
    return isinstance(layout, ChannelsFirst | Slices | TokensAt | TokenGrid)


def places_of(layout: Layout | LayoutRule, output: Tensor) -> TokenPlaces | None:
    """The positions of the cells among the tokens of a layer's output; None if they are not the same in every row.

    A grid without other tokens is treated as the sequence that ``flatten`` makes of it.

    Example:
        >>> places_of(TokenGrid(1, 2, prefix=1), torch.zeros(4, 5, 8))
        TokenPlaces(tokens=5, cells=tensor([1, 2]))
    """
    if isinstance(layout, ChannelsFirst):
        return TokenPlaces(output[0, 0].numel(), torch.arange(output[0, 0].numel(), device=output.device))
    if isinstance(layout, Permuted):
        return places_of(layout.inner, output.permute(layout.axes))
    tokens = layout.tokens(output) if isinstance(layout, TokenGrid) else layout
    if not isinstance(tokens, TokensAt) or tokens.cells.ndim > len("hw"):
        return None
    return TokenPlaces(output.shape[1], tokens.cells.flatten().to(output.device))


def placed(layout: Layout | LayoutRule, images: Inputs, texts: Inputs) -> Layout:
    """The layout of a pass with these images and texts."""
    return layout if isinstance(layout, Layout) else layout(images, texts)


def grids_of(layout: Layout, output: Tensor, rows: int, layer: str) -> Float[Tensor, "b c h w"]:
    """The grids in a layer's output, one per row.

    Raises:
        ModelError: not one grid per row.
    """
    grid = layout.read(output)
    if grid.ndim != 4 or len(grid) != rows:
        raise ModelError(
            f"layer {layer!r} gives {tuple(output.shape)}, that is, {len(grid)} rows for {rows} inputs; it needs one row per "
            "input, or a layout that declares how they are folded: grid=Packed(...), Tiles(...), Heads(...)."
        )
    return grid
