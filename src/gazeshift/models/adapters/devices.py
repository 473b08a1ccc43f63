"""Where a user's model is: what is read for it goes to the same device."""

from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import nn

from gazeshift.errors import ModelError, listed
from gazeshift.models.adapters.inputs import Inputs, PackedRows, mapped

_EMPTY = "meta"


def placed(inputs: Inputs, model: nn.Module) -> Inputs:
    """Inputs on the model's device; as they are if its parts are on several, because it moves them itself.

    Args:
        inputs: in any nesting.
        model: a module, or several in one.

    Raises:
        ModelError: weights or inputs on the meta device, which holds no numbers.

    Example:
        >>> placed({"ids": torch.zeros(1, 2)}, nn.Linear(2, 2))["ids"].device
        device(type='cpu')
    """
    devices = set(_devices(model).values())
    check_loaded(model)
    return mapped(inputs, partial(_moved, devices.pop() if len(devices) == 1 else None))


def check_loaded(model: nn.Module) -> None:
    """Refuse a model without numbers.

    Raises:
        ModelError: weights on the meta device; says which.
    """
    found = _devices(model)
    empty = [name for name, device in found.items() if device.type == _EMPTY]
    if empty:
        raise ModelError(
            f"{len(empty)} of the model's {len(found)} weights are on the meta device, which holds no numbers ({listed(empty, 3)}): load "
            "them, and move the whole model to one device with .to('cpu') or .to('cuda')."
        )


def _devices(model: nn.Module) -> dict[str, torch.device]:
    return {name: each.device for name, each in chain(model.named_parameters(), model.named_buffers())}


def _moved(device: torch.device | None, leaf: Any) -> Any:
    if isinstance(leaf, PackedRows):
        return PackedRows(_moved(device, leaf.values), leaf.lengths)
    if not isinstance(leaf, torch.Tensor):
        return leaf  # texts, or pictures: the model reads them itself
    if leaf.device.type == _EMPTY:
        raise ModelError(
            "preprocess= or tokenizer= gives a tensor on the meta device, which holds no numbers: give it on the CPU; it is moved to the "
            "model's device."
        )
    return leaf if device is None else leaf.to(device)
