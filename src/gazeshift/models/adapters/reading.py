"""Images and texts in any common form, read as tensors: arrays, nested lists of numbers, a processor's output."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from gazeshift.errors import UsageError
from gazeshift.models.adapters.inputs import Inputs, each, is_pieces

_NUMBERS = (bool, int, float, np.generic)
_CHANNELS = {1, 3, 4}
_MIN_SIDE = 8


@runtime_checkable
class _ArrayLike(Protocol):
    """Anything numpy can read: its own arrays, a column of a table."""

    def __array__(self) -> np.ndarray: ...


def readable(inputs: Inputs, kind: str, model: nn.Module | None = None) -> Inputs:
    """Inputs with arrays and lists of numbers converted to tensors, on the model's device and in its precision.

    Lists of numbers have one row per entry, and so do lists of lists; a tuple of numbers is a constant (a size, for example); a list or
    tuple of tensors is several arguments. Tensors are unchanged.

    Args:
        inputs: inputs in any nesting.
        kind: ``image`` or ``text``, for the message.
        model: determines device and precision; CPU and PyTorch's default if None.

    Raises:
        UsageError: lists of different lengths, a list of single images or vectors, an array of neither numbers nor texts.

    Example:
        >>> readable({"input_ids": [[1, 2], [3, 4]], "size": (2, 2)}, "text")
        {'input_ids': tensor([[1, 2],
                [3, 4]]), 'size': (2, 2)}
    """
    if isinstance(inputs, str | Image):
        return [inputs]  # one text, one picture
    weights = None if model is None else next((p for p in model.parameters() if p.is_floating_point()), None)
    return _read(inputs, kind, torch.empty(0) if weights is None else weights)


def _read(inputs: Inputs, kind: str, like: Tensor) -> Inputs:
    if isinstance(inputs, Tensor | Image | str | np.generic) or is_pieces(inputs):
        return inputs
    if isinstance(inputs, list) and _is_numbers(inputs):
        return _tensor(_rectangular(inputs, kind), like)
    if isinstance(inputs, list):
        _refuse_single_rows(inputs, kind)
    if isinstance(inputs, _ArrayLike):
        return _read_array(np.asarray(inputs), kind, like)
    return each(inputs, lambda value: _read(value, kind, like))


def _is_numbers(inputs: Any) -> bool:
    """Whether it contains numbers and nothing else, at any depth."""
    if isinstance(inputs, list | tuple):
        return len(inputs) > 0 and all(_is_numbers(value) for value in inputs)
    return isinstance(inputs, _NUMBERS)


def _rectangular(inputs: list[Any], kind: str) -> np.ndarray:
    try:
        return np.array(inputs)
    except ValueError as error:
        lengths = sorted({len(row) if isinstance(row, list | tuple) else 1 for row in inputs})
        shown = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else "unequal lengths inside"
        raise UsageError(
            f"the {kind} inputs are {len(inputs)} lists of different lengths ({shown}): pad them, e.g. "
            "tokenizer(texts, padding=True, return_tensors='pt')."
        ) from error


def _read_array(array: np.ndarray, kind: str, like: Tensor) -> Inputs:
    if array.dtype.kind in "biuf":
        return _tensor(array, like)
    if array.ndim == 1 and all(isinstance(value, str) for value in array):
        return [str(value) for value in array]
    raise UsageError(
        f"the {kind} inputs hold an array of type {array.dtype}; give numbers (rows first) or a list of texts."
    )


def _tensor(array: np.ndarray, like: Tensor) -> Tensor:
    """A copy with a byte order and a type that PyTorch supports."""
    wide = array.dtype.kind == "u" and array.dtype.itemsize > 1
    found = torch.from_numpy(array.astype(np.int64 if wide else array.dtype.newbyteorder("="), order="C"))
    return found.to(like.device, like.dtype if found.is_floating_point() else found.dtype)


def _refuse_single_rows(inputs: list[Any], kind: str) -> None:
    """A list of ``(3, H, W)`` arrays or of vectors may be rows, or arguments of three rows each: only the user knows."""
    for single, what in ((_is_single_image, "images"), (_is_vector, "rows")):
        if inputs and all(single(value) for value in inputs):
            raise UsageError(
                f"the {kind} inputs are a list of {len(inputs)} arrays like {tuple(inputs[0].shape)}: single {what}, or several "
                f"arguments with a row per {kind}? Stack single {what} (torch.stack), give several arguments as a tuple."
            )


def _is_single_image(value: Any) -> bool:
    if not isinstance(value, Tensor | np.ndarray) or value.ndim != len("chw"):
        return False
    first, middle, last = value.shape
    sides = (middle, last) if first in _CHANNELS else (first, middle) if last in _CHANNELS else (0, 0)
    return min(sides) >= _MIN_SIDE


def _is_vector(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray) and value.ndim == 1
