"""The layout of a layer's output, inferred from its shape and the image's sides; if several fit, the model itself is tested."""

from dataclasses import dataclass

from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters.corners import Corners, Trial
from gazeshift.models.adapters.layouts import (
    CHANNELS_LAST,
    ChannelsFirst,
    Layout,
    LayoutRule,
    Permuted,
    Slices,
    TokenGrid,
    TokensAt,
    sequence_first,
)
from gazeshift.models.adapters.sides import MAX_PREFIX, Sides, may_be_a_grid, sides_of, token_cells
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


def layout_of(grid: str | Layout | LayoutRule | None, output: Tensor, layer: str, trial: Trial) -> Layout | LayoutRule:
    """The named layout, or the only one that fits the output's shape, the image's sides and the layer's behaviour.

    Args:
        grid: a layout, a rule, a name (``b c h w``, ``b h w c``, ``b n c``, ``n b c``, ``b c n``), or None to find it.
        output: the layer's output.
        layer: the layer's name, for the message.
        trial: the pass that produced it.

    Raises:
        ModelError: no layout fits, or several do; says which.
        UsageError: an unknown name.

    Example:
        >>> import torch
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
            f"layer {layer!r} gives {shape}, which is not {grid!r}; for tokens pass grid=TokenGrid(height, width, prefix)."
        )
    if named is not None:
        return named
    images = sides_of(trial.images)
    options = [option for option in _options(output, images, trial) if grid in {None, option.name}]
    found = _fitting(options, Corners(output, images, trial))
    if len(found) == 1:
        return found[0].layout
    raise ModelError(_refusal(shape, layer, found or options, images, trial, several=len(found) > 1))


def candidates(output: Tensor, trial: Trial) -> list[Layout]:
    """Every layout that fits an output by its shape and the images' sides, without a test of the model.

    Args:
        output: the layer's output.
        trial: the pass that produced it.
    """
    images = sides_of(trial.images)
    layouts = [option.layout for option in _options(output, images, trial)]
    if output.ndim != len("bchw"):
        return layouts
    sizes = [layout.read(output).shape for layout in layouts]
    return [layout for layout, size in zip(layouts, sizes, strict=True) if may_be_a_grid(size[2], size[3], images)]


def doubted(grid: str | Layout | LayoutRule | None, output: Tensor, trial: Trial) -> tuple[str, ...]:
    """A note if the corners of the image are clearly not seen in the corners of the given grid, usually because its prefix is wrong.

    Args:
        grid: as for ``layout_of``; only tokens at fixed places are tested.
        output: the layer's output.
        trial: the pass that produced it.
    """
    outer = grid if isinstance(grid, Permuted) else Permuted((0, 1, 2), grid) if isinstance(grid, Layout) else None
    if outer is None or not isinstance(outer.inner, TokenGrid | TokensAt):
        return ()
    seen = Corners(output, sides_of(trial.images), trial).seen(outer, outer.axes[0])
    if seen is None or not seen.elsewhere():
        return ()
    return (
        "the corners of the image are seen at other tokens than grid= puts them: check its prefix and the order of the tokens",
    )


@dataclass(frozen=True)
class _Option:
    """A candidate layout.

    Attributes:
        name: its axes.
        text: how to specify it.
        layout: the layout itself.
        batch: the axis of the rows.
        sure: whether it is accepted if no other fits: the layer's type supports it, or it is a grid already.
        whole: whether it has one token for each patch that the model's first convolution cuts.
    """

    name: str
    text: str
    layout: Layout
    batch: int = 0
    sure: bool = False
    whole: bool = False


def _options(output: Tensor, images: tuple[Sides, ...], trial: Trial) -> list[_Option]:
    if output.ndim == 4:
        return _grids(output, images, trial)
    return _tokens(output, images, trial) if output.ndim == 3 else []


def _fitting(options: list[_Option], corners: Corners) -> list[_Option]:
    """The plausible candidates, by their kind or by where the corners of the image are seen; only a single one decides."""
    sure = [option for option in options if option.sure]
    if len(sure) == 1 or not options:
        return sure
    if len(options) == 1:
        return options if _bears_out(options[0], corners) else []
    seen = [(option, corners.seen(option.layout, option.batch)) for option in options]
    # Tokens are cells one by one; convolutions before a grid may show a corner in the next cells.
    reach = [
        max(corners.sizes(option.layout)) // 4 if option.name in {"b c h w", "b h w c"} else 0 for option in options
    ]
    return [option for (option, found), near in zip(seen, reach, strict=True) if found and found.in_place(near)]


def _bears_out(option: _Option, corners: Corners) -> bool:
    """Whether the only layout that fits can be trusted.

    One token per patch can, unless the corners are clearly seen elsewhere (windows, column by column). Fewer tokens are often not cells
    at all (queries of a resampler, tokens left after dropping), so the corners must be seen in place.
    """
    if option.name in {"b c h w", "b h w c"}:
        return True
    seen = corners.seen(option.layout, option.batch)
    if seen is None:
        return option.whole
    return not seen.elsewhere() and (option.whole or seen.in_place(1 if min(seen.cells.shape[1:]) >= 4 else 0))


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
    """Whether a layer consists only of modules with channels before the sides."""
    kinds = [] if tap is None else list(tap.modules())
    return any(isinstance(m, _CONVOLVES) for m in kinds) and not any(isinstance(m, _CHANNELS_AT_THE_END) for m in kinds)


def _tokens(output: Tensor, images: tuple[Sides, ...], trial: Trial) -> list[_Option]:
    first, second, third = output.shape
    options: list[_Option] = []
    if first == trial.rows:
        options += _token_options("b n c", second, images, trial.model)
        options += _token_options("b c n", third, images, trial.model, most=0)
    if second == trial.rows:
        options += _token_options("n b c", first, images, trial.model)
    return options


def _token_options(
    name: str, tokens: int, images: tuple[Sides, ...], model: nn.Module, most: int = MAX_PREFIX
) -> list[_Option]:
    """Every position that a grid may have in a sequence. A single other token is a class token, which comes first."""
    found = []
    for cells in token_cells(tokens, images, model):
        prefixes = [cells.others] if cells.others < 2 else range(cells.others + 1)
        grids = [TokenGrid(cells.height, cells.width, prefix) for prefix in prefixes]
        found += [_token_option(name, grid, cells.whole) for grid in grids if cells.others <= most]
    return found


def _token_option(name: str, grid: TokenGrid, whole: bool) -> _Option:
    inner = f"TokenGrid({grid.height}, {grid.width}, prefix={grid.prefix})"
    layouts: dict[str, tuple[str, Layout]] = {
        "b n c": (inner, grid),
        "n b c": (f"sequence_first({inner})", sequence_first(grid)),
        "b c n": (f"Permuted((0, 2, 1), {inner})", Permuted((0, 2, 1), grid)),
    }
    return _Option(name, *layouts[name], batch=name.split().index("b"), whole=whole)


def _refusal(
    shape: tuple[int, ...],
    layer: str,
    options: list[_Option],
    images: tuple[Sides, ...],
    trial: Trial,
    *,
    several: bool,
) -> str:
    start = f"layer {layer!r} gives {shape}, and its grid cannot be located"
    if options:
        names = " or ".join(option.text for option in options[:_NAMED_AT_MOST])
        more = f" (or {len(options) - _NAMED_AT_MOST} others)" if len(options) > _NAMED_AT_MOST else ""
        why = (
            "; choose one with grid=."
            if several
            else ", but the corners of the image are not seen there (another order of tokens, or no cells at all); give the right "
            "layout with grid=, e.g. TokensAt(cells)."
        )
        return f"{start}: it may be {names}{more}{why}"
    if len(shape) > len("bchw"):
        return f"{start}: it is a volume or a video; pass grid='b c d h w' (or 'b t c h w') to stack its slices vertically."
    if len(shape) < len("bnc") and shape[:1] == (trial.rows,):
        return f"{start}: it has one vector per row and no cells left; choose a layer before the pooling."
    if trial.rows not in shape[:2]:
        return (
            f"{start}: no axis has one entry for each of {trial.rows} inputs; declare how they are folded with "
            "grid=Packed(...), Tiles(...) or Heads(...)."
        )
    seen = ", ".join(f"{sides.height} x {sides.width}" for sides in images[:_NAMED_AT_MOST])
    why = f"no patch grid of an image of {seen} has this many tokens" if images else "there is no image to compare with"
    return f"{start}: {why}; pass grid=TokenGrid(height, width, prefix), or choose a layer that has a grid."
