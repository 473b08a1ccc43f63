"""Which grids fit an image: from its height and width, via patches, strides and the model's own first convolution."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from gazeshift.models.adapters.inputs import Inputs, leaves

_CHANNELS = (1, 2, 3, 4)
_LONGEST = 4
_SMALLER = (1, 2, 4, 8, 16, 32)
MAX_PREFIX = 16
"""Maximum number of tokens besides the grid that can be class tokens and registers; more of them mean words in the sequence."""


@dataclass(frozen=True, order=True)
class Sides:
    """Height and width in pixels, and the number of channels."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True, order=True)
class Cells:
    """A possible grid of the tokens, with the number of other tokens, and whether it has one cell for each of the model's patches."""

    height: int
    width: int
    others: int
    whole: bool


def sides_of(images: Inputs) -> tuple[Sides, ...]:
    """Sides of every image among the inputs: ``b 3 H W`` or ``b H W 3``, also with views or depth between; nothing else counts.

    Example:
        >>> import torch
        >>> sides_of({"pixels": torch.zeros(2, 3, 224, 256), "mask": torch.zeros(2, 7)})
        (Sides(height=224, width=256, channels=3),)
    """
    found = {_sides(leaf) for leaf in leaves(images) if isinstance(leaf, Tensor) and leaf.ndim in {4, 5}}
    return tuple(sorted(found))


def token_cells(tokens: int, images: tuple[Sides, ...], model: nn.Module) -> tuple[Cells, ...]:
    """Every grid that this many tokens may contain.

    If a convolution of the model takes such images, the grid is its output grid, or that halved again (a hierarchical
    trunk: with at most a class token). Otherwise any square patch is possible, without overlap or overlapping by half.

    Example:
        >>> token_cells(225, (Sides(224, 256, 3),), nn.Conv2d(3, 8, 16, 16))
        (Cells(height=14, width=16, others=1, whole=True),)
    """
    found = set()
    for sides in images:
        stems = [conv for conv in model.modules() if isinstance(conv, nn.Conv2d) and conv.in_channels == sides.channels]
        made = {_convolved(conv, sides) for conv in stems}
        options = {(grid, 1 if smaller else MAX_PREFIX) for first in made for grid, smaller in _halved(*first)}
        options = options if made else {(grid, MAX_PREFIX) for grid in _patches(sides)}
        for (height, width), most in options:
            if height * width > 1 and 0 <= tokens - height * width <= most:
                found.add(Cells(height, width, tokens - height * width, (height, width) in made))
    return tuple(sorted(found, key=lambda cells: (cells.others, cells)))


def may_be_a_grid(height: int, width: int, images: tuple[Sides, ...]) -> bool:
    """Whether some stride, the same both ways, may make this grid of one of the images.

    Without an image to compare with, whether it is at most four times as long as wide.

    Example:
        >>> [may_be_a_grid(*grid, (Sides(224, 256, 3),)) for grid in ((7, 8), (8, 7), (768, 7))]
        [True, False, False]
    """
    if not images:
        return max(height, width) <= _LONGEST * min(height, width)
    return any(_by_a_stride(height, width, sides) for sides in images)


def _by_a_stride(height: int, width: int, sides: Sides) -> bool:
    """``height = floor((H + e) / s) + 1`` and the width likewise, for one stride s and one border e (padding less kernel)."""
    for stride in range(1, max(sides.height, sides.width) + 1):
        lowest, highest = (
            bound((height - 1) * stride - sides.height, (width - 1) * stride - sides.width) for bound in (max, min)
        )
        if lowest <= min(highest + stride - 1, stride):
            return True
    # A decoder's grid is finer than the image.
    return height * sides.width == width * sides.height


def _sides(image: Tensor) -> Sides:
    first, (before, height, last) = image.shape[1], image.shape[-3:]
    if last in _CHANNELS and before not in _CHANNELS and first not in _CHANNELS:
        return Sides(before, height, last)
    return Sides(height, last, before if image.ndim == len("bchw") or before in _CHANNELS else first)


def _convolved(conv: nn.Conv2d, sides: Sides) -> tuple[int, int]:
    """Height and width of what a convolution makes of an image."""
    made = []
    for axis, side in enumerate((sides.height, sides.width)):
        reach = conv.dilation[axis] * (conv.kernel_size[axis] - 1)
        padding = (
            {"valid": 0, "same": reach}[conv.padding] if isinstance(conv.padding, str) else 2 * int(conv.padding[axis])
        )
        made.append((side + padding - reach - 1) // conv.stride[axis] + 1)
    return made[0], made[1]


def _halved(height: int, width: int) -> Iterator[tuple[tuple[int, int], bool]]:
    for factor in _SMALLER:
        yield (-(-height // factor), -(-width // factor)), factor > 1
        yield (height // factor, width // factor), factor > 1


def _patches(sides: Sides) -> set[tuple[int, int]]:
    """Grids of square patches: laid edge to edge, with a last one that is padded, or overlapping by half."""
    found = set()
    for stride in range(1, min(sides.height, sides.width) + 1):
        for border in (-stride, -1, -2 * stride):
            height, width = ((side + border) // stride + 1 for side in (sides.height, sides.width))
            if height > 0 and width > 0:
                found.add((height, width))
    return found
