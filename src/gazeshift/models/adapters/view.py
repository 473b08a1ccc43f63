"""The part of a picture that a preprocessing shows a model, found by trying it on pictures whose pixels say where they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from gazeshift.models.adapters.inputs import leaves

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge in the picture's own pixels; beyond its edges where it is padded."""

_WHITE = 255
_REPEATS = 3
"""How often a ramp is read: a preprocessing that flips half of the pictures is caught in three of four cases, a random crop always."""
_BENT = 0.02
"""How far from a straight line, as a share of the picture's side, a coordinate may be read: gamma curves are off by a tenth."""


def view_of(preprocess: Callable[[Image.Image], Any], picture: Image.Image) -> Image.Image:
    """The part of a picture that a preprocessing shows a model, in the picture's own pixels.

    Black, white and ramps of grey along both sides, of the picture's size, are preprocessed; what the ramps become says where each output
    pixel comes from. Padding is shown black.

    Args:
        preprocess: an RGB picture to a tensor ``(3, height, width)``, alone or among other inputs.
        picture: any picture.

    Returns:
        The part; the whole picture where the preprocessing gives no single such tensor; and where the ramps do not say where pixels come
        from (flips, rotations, colour curves, randomness), what the tensor itself shows, stretched from black to white.

    Example:
        >>> def middle(picture):
        ...     return torch.from_numpy(np.array(picture.crop((20, 0, 60, 40)).resize((8, 8)))).permute(2, 0, 1) / 255 - 0.5
        >>> view_of(middle, Image.new("RGB", (80, 40))).size
        (40, 40)
    """
    with torch.random.fork_rng(devices=[]):
        shown = _shown(preprocess(picture))
        if shown is None:
            return picture
        box = box_of(preprocess, picture.size)
    return _as_picture(shown) if box is None else cut(picture, box)


def box_of(preprocess: Callable[[Image.Image], Any], size: tuple[int, int]) -> Box | None:
    """Where the pixels of a preprocessing come from, for pictures of a size ``(width, height)``; None if that is no upright box."""
    try:
        black, white = (_greys(preprocess, np.full(size[::-1], shade)) for shade in (0, _WHITE))
        across, down = (_Axis.of(preprocess, black, white, size, axis) for axis in (1, 0))
    except _Unclear:
        return None
    return across.start, down.start, across.stop, down.stop


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """A box of a picture to the nearest pixel; black beyond its edges.

    Example:
        >>> cut(Image.new("RGB", (60, 40)), (-0.2, 9.8, 30.3, 40.0)).size
        (30, 30)
    """
    left, upper, right, lower = (round(edge) for edge in box)
    return picture.crop((left, upper, max(right, left + 1), max(lower, upper + 1)))


class _Unclear(Exception):
    """The ramps do not say where pixels come from."""


@dataclass(frozen=True)
class _Axis:
    """From where to where a preprocessing reads along one side."""

    start: float
    stop: float

    @classmethod
    def of(
        cls,
        preprocess: Callable[[Image.Image], Any],
        black: Float[np.ndarray, "h w"],
        white: Float[np.ndarray, "h w"],
        size: tuple[int, int],
        axis: int,
    ) -> "_Axis":
        """Read a ramp along an axis (1 for across, 0 for down), and fit the line from output to input pixels."""
        side = size[1 - axis]
        ramp = np.linspace(0, _WHITE, side).round() if side > 1 else np.zeros(1)
        ramp = np.broadcast_to(ramp if axis else ramp[:, None], size[::-1])
        read = [_greys(preprocess, ramp) for _ in range(_REPEATS)]
        if any(each.shape != black.shape for each in (white, *read)) or not all(np.array_equal(each, read[0]) for each in read):
            raise _Unclear
        if side == 1:
            return cls(0.0, 1.0)
        span = white - black
        seen = np.abs(span) > 0.5 * np.abs(span).max()
        if not seen.any():
            raise _Unclear
        source = 0.5 + (side - 1) * (read[0] - black)[seen] / span[seen]
        return cls.fitted(source, 0.5 + np.nonzero(seen)[axis], black.shape[axis], side)

    @classmethod
    def fitted(
        cls, source: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"], length: int, side: int
    ) -> "_Axis":
        """The line through ``target``, places in the output, and ``source``, places in the picture."""
        if len(set(target.tolist())) == 1:  # one cell: all that it can be is the ramp's own mean
            half = min(float(source.mean()), side - float(source.mean()))
            return cls(float(source.mean()) - half, float(source.mean()) + half)
        slope, offset = np.polyfit(target, source, 1)
        off = np.abs(source - (slope * target + offset))
        # Pixels at an edge are mixed with what lies beyond it, so a tenth of them may be off.
        if slope <= 0 or np.quantile(off, 0.9) > _BENT * side + 1:
            raise _Unclear
        return cls(float(offset), float(slope * length + offset))


def _greys(preprocess: Callable[[Image.Image], Any], shades: np.ndarray) -> Float[np.ndarray, "h w"]:
    """A grey picture as it is shown, the mean of its colours."""
    grey = Image.fromarray(np.ascontiguousarray(shades.astype(np.uint8))).convert("RGB")
    shown = _shown(preprocess(grey))
    if shown is None:
        raise _Unclear
    return shown.double().mean(0).numpy()


def _shown(read: Any) -> Float[Tensor, "3 h w"] | None:
    """The one tensor among a preprocessing's results that is a picture."""
    found = [each for each in leaves(read) if isinstance(each, Tensor) and each.ndim == 3 and len(each) == 3]
    return found[0].detach().float().cpu() if len(found) == 1 else None


def _as_picture(shown: Float[Tensor, "3 h w"]) -> Image.Image:
    """A tensor from its least to its largest number, as black to white."""
    low, high = shown.min(), shown.max()
    shades = (shown - low) / (high - low).clamp(min=1e-12) * _WHITE
    return Image.fromarray(shades.round().byte().permute(1, 2, 0).numpy())
