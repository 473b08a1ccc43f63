"""Evaluation mode within a block, restoring every module's own mode afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class HasModes(Protocol):
    """A module, or anything that contains modules."""

    def modules(self) -> Iterator[nn.Module]:
        """Every module, so that each one's own mode can be restored."""

    def eval(self) -> object:
        """Put all of them in evaluation mode."""


@contextmanager
def evaluating(module: HasModes) -> Iterator[None]:
    """Put a module and its children in evaluation mode; restore each one's own mode on exit, also after an exception.

    Example:
        >>> net = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
        >>> with evaluating(net):
        ...     net[0].training
        False
        >>> net[0].training, net[1].training
        (True, False)
    """
    modes = [(child, child.training) for child in module.modules()]
    if any(
        training for _, training in modes
    ):  # setting the modes of a trunk's hundreds of modules takes longer than a head
        module.eval()
    try:
        yield
    finally:
        for child, training in modes:
            if child.training is not training:
                child.training = training
