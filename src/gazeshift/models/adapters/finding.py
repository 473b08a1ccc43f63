"""The layout of a layer's output, told from its shape and the image's sides; where several fit, the model itself is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters.inputs import Inputs, mapped, take
from gazeshift.models.adapters.layouts import (
    CHANNELS_LAST,
    ChannelsFirst,
    Layout,
    LayoutRule,
    Permuted,
    Slices,
    TokenGrid,
    sequence_first,
)
from gazeshift.models.adapters.sides import Sides, may_be_a_grid, sides_of, token_cells
from gazeshift.registry import lookup

_NAMED: dict[str, Layout | None] = {
    "b c h w": ChannelsFirst(),
    "b h w c": CHANNELS_LAST,
    "b c d h w": Slices(),
    "b t c h w": Permuted((0, 2, 1, 3, 4), Slices()),
    "b n c": None,
    "n b c": None,
    "b c n": None,
}
"""Layouts by name; None where the grid among the tokens has yet to be found."""
_CONVOLVES = (
    nn.modules.conv._ConvNd,  # the common base has no public name
    nn.modules.batchnorm._BatchNorm,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
)
_NAMED_AT_MOST = 4
_CHANNELS_AT_THE_END = (nn.Linear, nn.LayerNorm)


_Tried = dict[tuple[int, int], Tensor]  # outputs for an image and its changed corners, by the size of the grid


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


def layout_of(grid: str | Layout | LayoutRule | None, output: Tensor, layer: str, trial: Trial) -> Layout | LayoutRule:
    """The layout that was named, or the only one that fits the output's shape, the image's sides and what the layer does.

    Args:
        grid: a layout, a rule, a name (``b c h w``, ``b h w c``, ``b n c``, ``n b c``, ``b c n``), or None to find it.
        output: what the layer gave.
        layer: its name, for the message.
        trial: the pass that gave it.

    Raises:
        ModelError: no layout fits, or several do; says which.
        UsageError: a name that is none.

    Example:
        >>> images, patch = torch.zeros(2, 3, 224, 256), nn.Conv2d(3, 8, 16, 16)
        >>> found = layout_of(None, torch.zeros(2, 225, 8), "block", Trial(images, 2, patch, None, lambda images: images))
        >>> (found.height, found.width, found.prefix)
        (14, 16, 1)
    """
    if grid is not None and not isinstance(grid, str):
        return grid
    shape = tuple(output.shape)
    named = None if grid is None else lookup(_NAMED, grid, "grid")
    if grid is not None and len(grid.split()) != output.ndim:
        raise ModelError(
            f"layer {layer!r} gives {shape}, which is not {grid!r}; for tokens say grid=TokenGrid(height, width, prefix)."
        )
    if named is not None:
        return named
    images = sides_of(trial.images)
    options = [option for option in _options(output, images, trial) if grid in {None, option.name}]
    tried: _Tried = {}
    found = options if len(options) == 1 else _surest(options)
    found = found or [option for option in options if _lies_so(option, output, images, trial, tried)]
    if len(found) == 1:
        return found[0].layout
    raise ModelError(_refusal(shape, layer, found or options, images, trial))


@dataclass(frozen=True)
class _Option:
    """A layout that may be meant.

    Attributes:
        name: its axes.
        text: how to give it.
        layout: itself.
        batch: the axis of the rows.
        sure: whether the layer's own kind speaks for it.
    """

    name: str
    text: str
    layout: Layout
    batch: int = 0
    sure: bool = False


def _options(output: Tensor, images: tuple[Sides, ...], trial: Trial) -> list[_Option]:
    if output.ndim == 4:
        return _grids(output, images, trial)
    return _tokens(output, images, trial) if output.ndim == 3 else []


def _grids(output: Tensor, images: tuple[Sides, ...], trial: Trial) -> list[_Option]:
    _, first, middle, last = output.shape
    channels_first = _Option("b c h w", "'b c h w'", ChannelsFirst(), sure=_convolves(trial.tap))
    channels_last = _Option("b h w c", "'b h w c'", CHANNELS_LAST)
    fits = [
        *([channels_first] if may_be_a_grid(middle, last, images) else []),
        *([channels_last] if may_be_a_grid(first, middle, images) else []),
    ]
    return fits or [channels_first, channels_last]


def _convolves(tap: nn.Module | None) -> bool:
    """Whether a layer is made of modules that have the channels before the sides, and of no others."""
    kinds = [] if tap is None else list(tap.modules())
    return any(isinstance(m, _CONVOLVES) for m in kinds) and not any(isinstance(m, _CHANNELS_AT_THE_END) for m in kinds)


def _tokens(output: Tensor, images: tuple[Sides, ...], trial: Trial) -> list[_Option]:
    first, second, third = output.shape
    options: list[_Option] = []
    if first == trial.rows:
        options += [_token_option("b n c", grid) for grid in _token_grids(second, images, trial.model)]
        channels_first = [
            grid for grid in _token_grids(third, images, trial.model) if grid.height * grid.width == third
        ]
        options += [_token_option("b c n", grid) for grid in channels_first]
    if second == trial.rows:
        options += [_token_option("n b c", grid) for grid in _token_grids(first, images, trial.model)]
    return options


def _token_grids(tokens: int, images: tuple[Sides, ...], model: nn.Module) -> list[TokenGrid]:
    """Every place that a grid may have in a sequence. A single other token is a class token, which stands first."""
    found = []
    for cells in token_cells(tokens, images, model):
        prefixes = [cells.others] if cells.others < 2 else range(cells.others + 1)
        found += [TokenGrid(cells.height, cells.width, prefix) for prefix in prefixes]
    return found


def _token_option(name: str, grid: TokenGrid) -> _Option:
    inner = f"TokenGrid({grid.height}, {grid.width}, prefix={grid.prefix})"
    layouts: dict[str, tuple[str, Layout]] = {
        "b n c": (inner, grid),
        "n b c": (f"sequence_first({inner})", sequence_first(grid)),
        "b c n": (f"Permuted((0, 2, 1), {inner})", Permuted((0, 2, 1), grid)),
    }
    return _Option(name, *layouts[name], batch=name.split().index("b"))


def _surest(options: list[_Option]) -> list[_Option]:
    return [option for option in options if option.sure]


def _lies_so(option: _Option, output: Tensor, images: tuple[Sides, ...], trial: Trial, tried: _Tried) -> bool:
    """Whether another content in each corner of the image is seen most in that corner of the grid, and nowhere beside it."""
    height, width = _sizes(option.layout, output)
    if not images or height * width == 1:
        return False
    corners = [(row, column) for row in (0, height - 1) for column in (0, width - 1)]
    if (height, width) not in tried:
        repeated = take(trial.images, torch.zeros(1 + len(corners), dtype=torch.long))
        changed = mapped(repeated, lambda leaf: _changed(leaf, images[0], corners, (height, width)))
        tried[height, width] = trial.run(changed).float()
    rows = tried[height, width].transpose(0, option.batch)
    if rows.shape[1:] != output.transpose(0, option.batch).shape[1:] or len(rows) != 1 + len(corners):
        return False  # the rows are on another axis
    change = (rows - rows[:1]).abs().transpose(0, option.batch)
    grids = option.layout.read(change)
    cells = grids[1:].amax(1).flatten(1)
    beside = option.layout.write(change, torch.zeros_like(grids)).transpose(0, option.batch)[1:].flatten(1).amax(1)
    reach = 0 if output.ndim == len("bnc") else max(height, width) // 4
    seen = [divmod(place, width) for place in cells.argmax(1).tolist()]
    near = all(max(abs(y - row), abs(x - column)) <= reach for (y, x), (row, column) in zip(seen, corners, strict=True))
    return near and bool((cells.amax(1) > beside).all())


def _sizes(layout: Layout, output: Tensor) -> tuple[int, int]:
    """Height and width of the grid; 1 x 1 where the layout does not fit the output."""
    try:
        height, width = layout.read(output).shape[2:]
    except ModelError:
        return 1, 1
    return height, width


def _changed(leaf: Any, sides: Sides, corners: list[tuple[int, int]], grid: tuple[int, int]) -> Any:
    """Rows of an image of which all but the first have another content in one corner cell; other inputs stay."""
    if not isinstance(leaf, Tensor) or leaf.ndim not in {4, 5} or sides_of(leaf) != (sides,):
        return leaf
    axes = (-2, -1) if leaf.shape[-2:] == (sides.height, sides.width) else (-3, -2)
    changed, low, high = leaf.clone(), float(leaf.min()), float(leaf.max())
    noise = torch.rand(leaf.shape[1:], generator=torch.Generator().manual_seed(0))
    other = (low + noise * max(high - low, 1.0)).to(leaf.device, leaf.dtype)
    for row, corner in enumerate(corners, start=1):
        where = [slice(None)] * (leaf.ndim - 1)
        for axis, cell, side, cells in zip(axes, corner, (sides.height, sides.width), grid, strict=True):
            where[axis] = slice(cell * side // cells, max((cell + 1) * side // cells, cell * side // cells + 1))
        changed[row][tuple(where)] = other[tuple(where)]
    return changed


def _refusal(
    shape: tuple[int, ...], layer: str, options: list[_Option], images: tuple[Sides, ...], trial: Trial
) -> str:
    start = f"layer {layer!r} gives {shape}, and where its grid is cannot be told"
    if options:
        names = " or ".join(option.text for option in options[:_NAMED_AT_MOST])
        more = f" (or {len(options) - _NAMED_AT_MOST} others)" if len(options) > _NAMED_AT_MOST else ""
        return f"{start}: it may be {names}{more}; say which with grid=."
    if len(shape) > len("bchw"):
        return f"{start}: it is a volume or a film; say grid='b c d h w' (or 'b t c h w') to have its slices one below another."
    if len(shape) < len("bnc") and shape[:1] == (trial.rows,):
        return f"{start}: it has one vector a row, no cells any more; choose a layer before the pooling."
    if trial.rows not in shape[:2]:
        return (
            f"{start}: no axis has one entry for each of {trial.rows} inputs; say how they are folded with "
            "grid=Packed(...), Tiles(...) or Heads(...)."
        )
    seen = ", ".join(f"{sides.height} x {sides.width}" for sides in images[:_NAMED_AT_MOST])
    why = (
        f"no grid of patches of an image of {seen} has so many tokens"
        if images
        else "there is no image to compare with"
    )
    return f"{start}: {why}; say grid=TokenGrid(height, width, prefix), or choose a layer that has a grid."
