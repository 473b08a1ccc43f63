"""A third-party model's own state: the same at the start of every pass, and restored afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from gazeshift.models.modes import evaluating


@contextmanager
def steady(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """The same random numbers (some models shuffle their patches) and the same buffers in every pass; the caller's state is restored.

    Example:
        >>> class Counts(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.register_buffer("calls", torch.zeros(()))
        ...     def forward(self, x):
        ...         self.calls += 1
        ...         return x + self.calls
        >>> net = Counts()
        >>> with steady(net):
        ...     net(torch.zeros(1))
        tensor([1.])
        >>> net.calls
        tensor(0.)
    """
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    held = [(module, name, buffer) for module in model.modules() for name, buffer in module._buffers.items()]
    # A pass works on copies, so that the buffers themselves never change; one that several modules share stays shared.
    copies = {id(buffer): buffer.detach().clone() for _, _, buffer in held if buffer is not None}
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(seed)
        try:
            for module, name, buffer in held:
                module._buffers[name] = copies.get(id(buffer))
            yield
        finally:
            for module, name, buffer in held:
                module._buffers[name] = buffer


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Within the block no parameter requires a gradient: what does not depend on the grid runs without gradients and takes no memory."""
    asking = [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.is_leaf]
    try:
        for parameter in asking:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in asking:
            parameter.requires_grad_(True)


@contextmanager
def quiet(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, frozen parameters and no gradients, whatever the caller's mode."""
    with evaluating(model), frozen(model), torch.inference_mode(False), torch.no_grad():
        yield
