"""Maps of a model that sees only a part of a picture, laid where they belong on the whole of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from PIL.Image import Image, fromarray

from gazeshift.errors import ModelError
from gazeshift.models.adapters.view import Box, box_of

_BYTE = 256
_COLUMNS = 15
"""Blocks of 256 pixels across, and 17 down: what fits beside a 0 for padding into the third byte of a pixel that says where it is."""


@dataclass(frozen=True)
class Framing:
    """Where a model's maps lie on the pictures that it is given.

    A part of the grid outside the seen part is 0: no evidence comes from where the model does not look. What lies on padding is dropped.

    Attributes:
        name: of the model, for messages.
        view: the part of a picture that the model sees and its map covers (``gazeshift.models.face.Model.view``).
        boxes: by the size of a picture, what was found; pictures of one size are cut the same way.
        grids: by the size of a map, that of the map on the whole picture: the same for all pictures, whatever rounding does to their edges.
    """

    name: str
    view: Callable[[Image], Image]
    boxes: dict[tuple[int, int], Box | None] = field(default_factory=dict)
    grids: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def place(self, maps: Float[np.ndarray, "n h w"], size: tuple[int, int]) -> Float[np.ndarray, "n y x"]:
        """Maps on the whole of a picture, in cells of about their own size; the sum over cells that lie inside stays.

        Args:
            maps: of what the model sees.
            size: width and height of the picture.

        Raises:
            ModelError: what the model sees is no upright box of the picture.

        Example:
            >>> middle = Framing("middle", lambda picture: picture.crop((10, 10, 30, 30)))
            >>> middle.place(np.ones((1, 2, 2)), (40, 40))[0].tolist()
            [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
        """
        if size not in self.boxes:
            self.boxes[size] = self._seen(size)
        box = self.boxes[size]
        if box is None:
            return maps
        (width, height), (left, top, right, bottom) = size, box
        rows, columns = maps.shape[-2:]
        whole = (round(rows * height / (bottom - top)), round(columns * width / (right - left)))
        down, across = self.grids.setdefault((rows, columns), (max(1, whole[0]), max(1, whole[1])))
        vertical = _shares(top / height, bottom / height, rows, down)
        return np.asarray(vertical @ maps @ _shares(left / width, right / width, columns, across).T)

    def _seen(self, size: tuple[int, int]) -> Box | None:
        """What the model sees of a picture of a size; None if that is all of it, to the pixel."""
        box = _cut_of(self.view, size) or box_of(self._as_tensor, size)
        if box is None:
            raise ModelError(
                f"{self.name}: what its preprocessing shows of a picture of {size[0]} x {size[1]} is no upright part of it (a flip? a "
                "rotation? something random?), so its maps cannot be laid on the pictures; give gazeshift.model(..., view=)."
            )
        width, height = size
        off = max(abs(edge - whole) for edge, whole in zip(box, (0, 0, width, height), strict=True))
        return None if off <= 1 else box

    def _as_tensor(self, picture: Image) -> torch.Tensor:
        return torch.from_numpy(np.array(self.view(picture).convert("RGB"))).permute(2, 0, 1)


def _cut_of(view: Callable[[Image], Image], size: tuple[int, int]) -> Box | None:
    """The box that a view cuts out, from a picture whose pixels say where they are; None if it does more than cut."""
    width, height = size
    if width > _COLUMNS * _BYTE or height > (_BYTE // _COLUMNS) * _BYTE:
        return None
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    said = np.stack([x % _BYTE, y % _BYTE, 1 + x // _BYTE + _COLUMNS * (y // _BYTE)], axis=-1)
    seen = np.asarray(view(fromarray(said.astype(np.uint8))).convert("RGB")).astype(int)
    inside = seen[..., 2] > 0
    if not inside.any():
        return None
    block = seen[..., 2] - 1
    down, across = np.indices(inside.shape)
    left = (seen[..., 0] + _BYTE * (block % _COLUMNS) - across)[inside]
    top = (seen[..., 1] + _BYTE * (block // _COLUMNS) - down)[inside]
    if np.ptp(left) or np.ptp(top):
        return None
    return float(left[0]), float(top[0]), float(left[0] + seen.shape[1]), float(top[0] + seen.shape[0])


def _shares(start: float, stop: float, cells: int, whole: int) -> Float[np.ndarray, "whole cells"]:
    """Share of each of some equal cells from ``start`` to ``stop`` that lies in each of the equal cells from 0 to 1."""
    inner = start + (stop - start) * np.arange(cells + 1) / cells
    outer = np.arange(whole + 1) / whole
    shared = np.minimum(outer[1:, None], inner[1:]) - np.maximum(outer[:-1, None], inner[:-1])
    return np.maximum(shared, 0) * cells / (stop - start)
