"""Layouts that hold an image's grid in several rows of a layer's output, or several images in one sequence."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.layouts import Layout


@dataclass(frozen=True)
class Packed:
    """``(b n) c``: the tokens of all images in one sequence, the same number each, as in Qwen-VL's image tower.

    Attributes:
        tokens: number of tokens of one image.
        inner: the layout of ``b n c``.

    Example:
        >>> from gazeshift.models.adapters import TokenGrid
        >>> Packed(6, TokenGrid(2, 3)).read(torch.zeros(24, 16)).shape
        torch.Size([4, 16, 2, 3])
    """

    tokens: int
    inner: Layout

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The grids of all images.

        Raises:
            ModelError: the sequence is not a multiple of an image's tokens.
        """
        return self.inner.read(self._apart(output))

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The sequence with other grids in it."""
        return self.inner.write(self._apart(output), grid).reshape(output.shape)

    def _apart(self, output: Tensor) -> Float[Tensor, "b n c"]:
        if output.ndim < 2 or output[..., 0].numel() % self.tokens:
            raise ModelError(
                f"the layer gives {tuple(output.shape)}, which is not packed from {self.tokens} tokens per image."
            )
        return output.reshape(-1, self.tokens, output.shape[-1])


@dataclass(frozen=True)
class Tiles:
    """``(b tiles) ...``: every image cut into tiles that the trunk sees as separate images; the map covers the whole image.

    Attributes:
        rows: rows of tiles in an image.
        columns: tiles in a row; the frames of a video are a row of tiles.
        inner: the layout of one tile.
        before: other tiles before these (a thumbnail of the whole), which stay unchanged.
        after: other tiles after these.

    Example:
        >>> from gazeshift.models.adapters import TokenGrid
        >>> Tiles(2, 3, TokenGrid(4, 4, prefix=1), after=1).read(torch.zeros(14, 17, 8)).shape
        torch.Size([2, 8, 8, 12])
    """

    rows: int
    columns: int
    inner: Layout
    before: int = 0
    after: int = 0

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The tiles' grids side by side.

        Raises:
            ModelError: the rows are not a multiple of an image's tiles.
        """
        tiles = self._apart(output)[:, self.before : self.before + self.rows * self.columns]
        b, _, c, h, w = tiles.shape
        side_by_side = tiles.view(b, self.rows, self.columns, c, h, w).permute(0, 3, 1, 4, 2, 5)
        return side_by_side.reshape(b, c, self.rows * h, self.columns * w)

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The tiles cut again; the others as they were."""
        whole = self._apart(output)
        b, _, c, h, w = whole.shape
        cut = grid.reshape(b, c, self.rows, h, self.columns, w).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
        stop = self.before + self.rows * self.columns
        every = torch.cat([whole[:, : self.before].to(cut.dtype), cut, whole[:, stop:].to(cut.dtype)], dim=1)
        return self.inner.write(output, every.flatten(0, 1))

    def _apart(self, output: Tensor) -> Float[Tensor, "b k c h w"]:
        each = self.before + self.rows * self.columns + self.after
        if len(output) % each:
            raise ModelError(
                f"the layer gives {tuple(output.shape)}: {len(output)} rows are not a multiple of {each} tiles."
            )
        grids = self.inner.read(output)
        return grids.reshape(-1, each, *grids.shape[1:])


@dataclass(frozen=True)
class Heads:
    """``(b heads) ...``: an attention's heads folded into the batch; the channels of all heads are the grid's.

    Attributes:
        heads: number of heads of one image.
        inner: the layout of one head.

    Example:
        >>> from gazeshift.models.adapters import TokenGrid
        >>> Heads(2, TokenGrid(2, 3)).read(torch.zeros(8, 6, 5)).shape
        torch.Size([4, 10, 2, 3])
    """

    heads: int
    inner: Layout

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The channels of all heads, one head after the other.

        Raises:
            ModelError: the rows are not a multiple of the heads.
        """
        if len(output) % self.heads:
            raise ModelError(
                f"the layer gives {tuple(output.shape)}: {len(output)} rows are not a multiple of {self.heads} heads."
            )
        grids = self.inner.read(output)
        return grids.reshape(-1, self.heads * grids.shape[1], *grids.shape[2:])

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The heads folded again."""
        return self.inner.write(output, grid.reshape(len(grid) * self.heads, -1, *grid.shape[2:]))
