"""A model's numerical precision, from the type of its numbers and the device."""

from collections.abc import Iterable

import torch

TF32 = 2.0**-10
"""The spacing of the numbers (TF32) that CUDA's tensor cores multiply, by default in convolutions."""


def coarsest_step(kinds: Iterable[torch.dtype], device: torch.device, *, convolves: bool) -> float:
    """The distance from 1 to the next number, in the coarsest format that a model multiplies in on a device.

    Args:
        kinds: floating-point types of its weights and features, and of autocast if active.
        device: where it computes.
        convolves: whether it has convolutions; on CUDA, PyTorch computes them in TF32 unless
            ``torch.backends.cudnn.allow_tf32`` is False, and everything else in full precision unless
            ``torch.backends.cuda.matmul.fp32_precision`` is ``tf32``.

    Example:
        >>> coarsest_step([torch.float32, torch.bfloat16], torch.device("cpu"), convolves=True) == 2**-7
        True
    """
    steps = [torch.finfo(kind).eps for kind in kinds]
    reduced = device.type == "cuda" and (
        torch.backends.cuda.matmul.fp32_precision == "tf32"
        or (convolves and torch.backends.cudnn.conv.fp32_precision == "tf32")  # type: ignore[attr-defined]
    )
    return max(*steps, TF32) if reduced else max(steps)
