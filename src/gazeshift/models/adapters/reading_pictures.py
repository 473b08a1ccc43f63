"""How a user's functions turn pictures and sentences into a model's inputs, with their failures named."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.reason import reason


@dataclass(frozen=True, eq=False)
class UserReading:
    """A function for one picture, and one for a list of texts.

    Attributes:
        preprocess: an RGB picture to a tensor ``3 h w`` or ``1 3 h w``, or a mapping or tuple of such.
        tokenizer: texts to tensors in any nesting, one row per text; None for a model that reads no text.
    """

    preprocess: Callable[[Image], Any]
    tokenizer: Callable[[list[str]], Any] | None

    def __call__(self, pictures: Sequence[Image], texts: Sequence[str]) -> tuple[Inputs, Inputs]:
        """The inputs of all pictures and texts.

        Raises:
            ModelError: a function fails, or pictures become tensors of different sizes.
        """
        images = collated([self._picture(picture) for picture in pictures])
        return images, None if self.tokenizer is None else self._texts(list(texts))

    def _picture(self, picture: Image) -> Any:
        try:
            return self.preprocess(picture)
        except Exception as error:
            width, height = picture.size
            raise ModelError(
                f"preprocess= fails on a picture of {width} x {height} pixels: {type(error).__name__}: {reason(error)}; it gets an RGB "
                "Pillow image and returns a tensor (3, height, width)."
            ) from error

    def _texts(self, texts: list[str]) -> Any:
        assert self.tokenizer is not None  # noqa: S101 (asked before; this tells the type checker)
        try:
            return self.tokenizer(texts)
        except Exception as error:
            raise ModelError(
                f"tokenizer= fails on {len(texts)} texts: {type(error).__name__}: {reason(error)}; it gets a list of texts and returns "
                "tensors with one row for each."
            ) from error


def collated(rows: Sequence[Any]) -> Inputs:
    """Rows of one picture each, as one batch.

    Raises:
        ModelError: tensors of different sizes.

    Example:
        >>> collated([{"pixels": torch.zeros(3, 4, 4)}, {"pixels": torch.zeros(1, 3, 4, 4)}])["pixels"].shape
        torch.Size([2, 3, 4, 4])
    """
    first = rows[0]
    if isinstance(first, Mapping):
        return {name: collated([row[name] for row in rows]) for name in first}
    if isinstance(first, tuple):
        return tuple(collated(column) for column in zip(*rows, strict=True))
    if not isinstance(first, Tensor | np.ndarray):
        return list(rows)
    tensors = [torch.as_tensor(row) for row in rows]
    tensors = [each if each.ndim == len("bchw") and len(each) == 1 else each[None] for each in tensors]
    sizes = sorted({tuple(each.shape[1:]) for each in tensors})
    if len(sizes) > 1:
        raise ModelError(
            f"preprocess= gives {' and '.join(map(str, sizes[:2]))} for pictures of different sizes: explain one picture at a time, or "
            "give all of them one size."
        )
    return torch.cat(tensors)
