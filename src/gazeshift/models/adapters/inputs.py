"""What a model takes: tensors in any nesting, one row per image or per text. Everything else is the same for all rows."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from gazeshift.errors import UsageError

Inputs = Any  # a tensor, a list of texts, or a tuple, list or mapping of these; None, numbers and other objects are constants


def take(inputs: Inputs, index: Int[Tensor, " r"]) -> Inputs:
    """The chosen rows of every tensor and list of texts; constants stay as they are.

    Example:
        >>> take({"ids": torch.tensor([5, 6]), "scale": 2.0}, torch.tensor([1, 1, 0]))
        {'ids': tensor([6, 6, 5]), 'scale': 2.0}
    """
    if isinstance(inputs, Tensor):
        return inputs[index.to(inputs.device)] if inputs.ndim else inputs
    if isinstance(inputs, Mapping):
        return {name: take(value, index) for name, value in inputs.items()}
    if _is_texts(inputs):
        return type(inputs)(inputs[row] for row in index.tolist())
    if isinstance(inputs, list | tuple):
        return type(inputs)(take(value, index) for value in inputs)
    return inputs


def count(inputs: Inputs, kind: str) -> int:
    """Number of rows; 1 where nothing has rows.

    Raises:
        UsageError: parts that disagree.

    Example:
        >>> count({"ids": torch.zeros(3, 7), "mask": torch.ones(3, 7)}, "text")
        3
    """
    lengths = sorted(set(_lengths(inputs)))
    if len(lengths) > 1:
        raise UsageError(
            f"the {kind} inputs have {' and '.join(map(str, lengths))} rows; each needs one row per {kind}."
        )
    return lengths[0] if lengths else 1


def same(inputs: Inputs, first: int, second: int) -> bool:
    """Whether two rows hold the same values."""
    one, other = (list(_leaves(take(inputs, torch.tensor([row])))) for row in (first, second))
    return all(torch.equal(a, b) if isinstance(a, Tensor) else a == b for a, b in zip(one, other, strict=True))


def _is_texts(inputs: Inputs) -> bool:
    return isinstance(inputs, list | tuple) and len(inputs) > 0 and all(isinstance(value, str) for value in inputs)


def _lengths(inputs: Inputs) -> Iterator[int]:
    for leaf in _leaves(inputs):
        if isinstance(leaf, Tensor) and not leaf.ndim:
            continue
        yield len(leaf)


def _leaves(inputs: Inputs) -> Iterator[Any]:
    if isinstance(inputs, Tensor) or _is_texts(inputs):
        yield inputs
    elif isinstance(inputs, Mapping):
        for value in inputs.values():
            yield from _leaves(value)
    elif isinstance(inputs, list | tuple):
        for value in inputs:
            yield from _leaves(value)
