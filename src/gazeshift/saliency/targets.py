"""Which classes are explained: the predicted one, one for all, one per row, or several per row (several labels per image)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import UsageError, shown
from gazeshift.models.bound import predicted

Target = str | int | Tensor | np.ndarray | Sequence[Any]


def target_rows(target: Target, logits: Float[Tensor, "p classes"]) -> tuple[Int[Tensor, " r"], Int[Tensor, " r"]]:
    """The combination and the class of every requested map.

    Args:
        target: ``predicted``; one class for all; one per combination; a list of classes for each combination; or a mask
            ``(combinations, classes)`` of labels, as multi-label data have them. For a single combination several classes may be given
            without a list around them.
        logits: of every combination.

    Raises:
        UsageError: a wrong number of targets, a class that does not exist, a combination without one.

    Example:
        >>> logits = torch.zeros(2, 3)
        >>> target_rows([[0, 2], [1]], logits)
        (tensor([0, 0, 1]), tensor([0, 2, 1]))
        >>> target_rows(torch.tensor([[True, False, True], [False, True, False]]), logits)
        (tensor([0, 0, 1]), tensor([0, 2, 1]))
    """
    combinations, classes = logits.shape
    if isinstance(target, str):
        if target != "predicted":
            raise _refusal(target, combinations)
        return torch.arange(combinations, device=logits.device), predicted(logits)
    labels = _labels(target, combinations, classes)
    flat = [label for row in labels for label in row]
    if not all(0 <= label < classes for label in flat):
        wrong = next(label for label in flat if not 0 <= label < classes)
        raise UsageError(f"target {wrong} is not a class: the model has classes 0 to {classes - 1}.")
    rows = [row for row, some in enumerate(labels) for _ in some]
    return torch.tensor(rows, device=logits.device), torch.tensor(flat, device=logits.device)


def _labels(target: Any, combinations: int, classes: int) -> list[list[int]]:
    """The classes of each combination."""
    if isinstance(target, Tensor | np.ndarray):
        whole = torch.as_tensor(target)
        if whole.dtype == torch.bool:
            if whole.shape != (combinations, classes):
                raise _refusal(target, combinations)
            target = [row.nonzero()[:, 0].tolist() for row in whole]
        elif whole.is_floating_point() or whole.is_complex():
            raise _refusal(target, combinations)
        else:
            target = whole.tolist()
    if _is_class(target):
        return [[int(target)]] * combinations
    if not isinstance(target, list | tuple) or not target:
        raise _refusal(target, combinations)
    if all(_is_class(one) for one in target):
        if len(target) == 1:
            return [[int(target[0])]] * combinations
        if combinations == 1:
            return [_distinct(target)]
        target = [[one] for one in target]
    rows = [_row(row, target, combinations) for row in target]
    if len(rows) != combinations:
        raise _refusal(target, combinations)
    return rows


def _row(row: Any, target: Any, combinations: int) -> list[int]:
    row = row.tolist() if isinstance(row, Tensor | np.ndarray) else row
    if not isinstance(row, list | tuple) or not all(_is_class(one) for one in row):
        raise _refusal(target, combinations)
    if not row:
        raise UsageError("target: a combination has no class; leave its image out, or give it at least one class.")
    return _distinct(row)


def _distinct(row: Sequence[Any]) -> list[int]:
    labels = [int(one) for one in row]
    if len(set(labels)) < len(labels):
        raise UsageError(f"target: a class is named twice for one combination ({len(labels)} labels); name each once.")
    return labels


def _is_class(value: Any) -> bool:
    """Whether a value is a whole number; True and False are not."""
    if isinstance(value, Tensor):
        return value.ndim == 0 and not value.is_floating_point() and value.dtype != torch.bool
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _refusal(target: Any, combinations: int) -> UsageError:
    if isinstance(target, str):
        return UsageError(
            f"unknown target {shown(target)}; give 'predicted', a class index, or one index per combination."
        )
    return UsageError(
        f"target {shown(target)}: give 'predicted', a class index, one index for each of {combinations} combinations, or a list of "
        "indices for each."
    )
