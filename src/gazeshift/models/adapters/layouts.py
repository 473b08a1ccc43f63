"""Named layouts of a layer's output, each turned to ``b c h w`` and back in one place."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.registry import lookup


@runtime_checkable
class Layout(Protocol):
    """How a layer's output holds its grid."""

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The grid in a layer's output."""

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The same output with another grid in it."""


@dataclass(frozen=True)
class ChannelsFirst:
    """``b c h w``, as convolutions give it."""

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The output itself."""
        return output

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The grid itself."""
        return grid


@dataclass(frozen=True)
class ChannelsLast:
    """``b h w c``, as Swin gives it."""

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The output with its axes moved."""
        return output.permute(0, 3, 1, 2)

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The grid with its axes moved back."""
        return grid.permute(0, 2, 3, 1)


@dataclass(frozen=True)
class TokenGrid:
    """``b n c``: tokens of which ``height x width``, row by row, are the image's, after ``prefix`` others.

    What stands before and after them (class token, registers, words) stays as the layer gave it.

    Attributes:
        height: rows of the grid.
        width: cells in a row; the regions of a detector are a grid of height 1.
        prefix: tokens before the image's.

    Example:
        >>> TokenGrid(2, 3, prefix=1).read(torch.zeros(4, 7, 16)).shape
        torch.Size([4, 16, 2, 3])
    """

    height: int
    width: int
    prefix: int = 0

    def read(self, output: Tensor) -> Float[Tensor, "b c h w"]:
        """The image's tokens as a grid.

        Raises:
            ModelError: the output has too few tokens.
        """
        stop = self.prefix + self.height * self.width
        if output.ndim != 3 or output.shape[1] < stop:
            raise ModelError(
                f"the layer gives {tuple(output.shape)}, but a grid of {self.height} x {self.width} tokens after "
                f"{self.prefix} others needs (batch, at least {stop}, channels)."
            )
        return output[:, self.prefix : stop].transpose(1, 2).reshape(len(output), -1, self.height, self.width)

    def write(self, output: Tensor, grid: Float[Tensor, "b c h w"]) -> Tensor:
        """The same tokens with another grid among them."""
        stop = self.prefix + self.height * self.width
        return torch.cat([output[:, : self.prefix], grid.flatten(2).transpose(1, 2), output[:, stop:]], dim=1)


_NAMED: dict[str, Layout] = {"b c h w": ChannelsFirst(), "b h w c": ChannelsLast()}


def layout_of(grid: str | Layout | None, output: Tensor, layer: str) -> Layout:
    """The layout that was named, or the only one an output's shape allows.

    Args:
        grid: a name, a layout, or None to tell it from the shape: four axes are ``b c h w``; three are a square of tokens after at
            most one class token.
        output: what the layer gave.
        layer: its name, for the message.

    Raises:
        ModelError: the shape does not tell, or does not fit the name.

    Example:
        >>> layout_of(None, torch.zeros(1, 50, 8), "blocks.2")
        TokenGrid(height=7, width=7, prefix=1)
    """
    shape = tuple(output.shape)
    if grid is not None:
        if isinstance(grid, str) and output.ndim != 4:
            raise ModelError(
                f"layer {layer!r} gives {shape}, which is not {grid!r}; for tokens say grid=TokenGrid(...)."
            )
        return lookup(_NAMED, grid, "grid") if isinstance(grid, str) else grid
    if output.ndim == 4:
        return _NAMED["b c h w"]
    if output.ndim == 3:
        for prefix in (0, 1):
            side = math.isqrt(shape[1] - prefix)
            if side > 1 and side * side == shape[1] - prefix:
                return TokenGrid(side, side, prefix)
    raise ModelError(
        f"layer {layer!r} gives {shape}, and where its grid is cannot be told from that; say grid='b c h w', 'b h w c' or "
        "TokenGrid(height, width, prefix), or choose a layer that still has a grid."
    )
