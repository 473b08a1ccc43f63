"""Maps from attentions and their gradients by the papers' equations, in plain loops."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def relevance(steps: Sequence[Tensor], score: Tensor, method: str) -> Tensor:
    """How much each token is seen by those that the pooling reads: those with a gradient in the last attention.

    Args:
        steps: the attentions of one row, in order, ``1 heads n n`` or ``heads n n``, on the way to the score.
        score: what is explained.
        method: ``attention-gradient`` (Chefer et al. 2021, equations 5 and 6) or ``rollout`` (Abnar and Zuidema 2020, equation 1).
    """
    slopes = torch.autograd.grad(score, list(steps))
    size = steps[0].shape[-1]
    found = torch.eye(size)
    for weights, slope in zip(steps, slopes, strict=True):
        heads = [each.detach() for each in weights.reshape(-1, size, size)]
        if method == "attention-gradient":
            moved = [(head * each).relu() for head, each in zip(heads, slope.reshape(-1, size, size), strict=True)]
            found = found + sum(moved) / len(heads) @ found
        else:
            found = (sum(heads) / len(heads) + torch.eye(size)) / 2 @ found
    found = found - torch.eye(size) if method == "attention-gradient" else found
    read = slopes[-1].reshape(-1, size, size).abs().sum((0, 2)).nonzero()[:, 0]
    return found[read].mean(0)


def shaped(tokens: Tensor, cells: Sequence[int], shape: tuple[int, int]) -> np.ndarray:
    """The tokens that are cells, row by row."""
    return np.array([float(tokens[cell]) for cell in cells]).reshape(shape)


@contextmanager
def weights_of(module: nn.Module, kept: list[Tensor]) -> Iterator[None]:
    """Keeps the weights of PyTorch's own attention module, ``heads n n``, as they go on to its output."""

    def ask(module: nn.Module, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return given, {**named, "need_weights": True, "average_attn_weights": False}

    def keep(module: nn.Module, given: Any, output: tuple[Tensor, Tensor]) -> None:
        assert output[1]._base is not None  # what is returned is a view of what is used
        kept.append(output[1]._base)

    hooks = [module.register_forward_pre_hook(ask, with_kwargs=True), module.register_forward_hook(keep)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
