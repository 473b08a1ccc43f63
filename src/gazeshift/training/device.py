"""Devices: a model is moved to the accelerator within a block and back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from gazeshift.training.ranks import ranks


def best_device() -> torch.device:
    """The accelerator of this machine (the current CUDA device, or MPS), else the CPU; several processes do not train on MPS."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() and ranks().size == 1 else "cpu")


@contextmanager
def on_device(module: nn.Module, device: torch.device | str | None = None) -> Iterator[torch.device]:
    """Move a module to a device within a block; afterwards it is back and still trainable, also inside ``inference_mode``.

    Args:
        module: all of it on one device.
        device: None: ``best_device()``.
    """
    there = torch.device(device) if device is not None else best_device()
    tensors = [*module.parameters(), *module.buffers()]
    home = tensors[0].device if tensors else torch.device("cpu")
    _move(module, there)
    try:
        yield there
    finally:
        _move(module, home)


def _move(module: nn.Module, device: torch.device) -> None:
    with torch.inference_mode(False):  # a copy made inside it could never be trained again
        module.to(device)
