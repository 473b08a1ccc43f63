"""When two results of a third-party model are equal up to rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gazeshift.models.step import coarsest_step


@dataclass(frozen=True)
class Rounding:
    """A model's numerical precision, and when two of its results count as different.

    Attributes:
        step: the coarsest relative precision of its computation.
    """

    step: float

    @property
    def of_grids(self) -> float:
        """Grids that differ by more than this fraction of the largest value count as different."""
        return max(2e-6, self.step / 4)

    @property
    def of_logits(self) -> float:
        """Two passes that differ by more than this fraction of the largest logit disagree; a false alarm only costs time."""
        return max(3e-5, 4 * self.step)

    @property
    def to_refuse(self) -> float:
        """Beyond this fraction of the largest value a model is refused; no deep network's rounding comes near."""
        return max(1e-3, 12 * self.step)


def rounding_of(model: nn.Module, *computed: Tensor) -> Rounding:
    """The rounding of a model's weights, of its outputs, and of the active autocast.

    CUDA rounds convolutions to fewer bits than their type has (TF32), which is included.

    Example:
        >>> rounding_of(nn.Linear(2, 2)).step < rounding_of(nn.Linear(2, 2).bfloat16()).step
        True
    """
    tensors = (*model.parameters(), *computed)
    devices = {tensor.device for tensor in tensors} or {torch.device("cpu")}
    kinds = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} or {torch.float32}
    kinds |= {torch.get_autocast_dtype(each.type) for each in devices if torch.is_autocast_enabled(each.type)}
    return Rounding(max(coarsest_step(kinds, device, convolves=convolves(model)) for device in devices))


def convolves(model: nn.Module) -> bool:
    """Whether there is a convolution among a model's modules."""
    return any(isinstance(module, _ConvNd) for module in model.modules())


def apart(one: Tensor, other: Tensor, at_least: float = 0.0) -> float:
    """The largest difference of two results as a fraction of the largest value; infinite if they differ in which values are finite.

    Args:
        one: a result.
        other: another.
        at_least: minimum scale.

    Example:
        >>> apart(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0])), apart(torch.tensor([torch.nan]), torch.zeros(1))
        (0.5, inf)
    """
    if one.shape != other.shape:
        return float("inf")
    finite = torch.isfinite(one)
    if not torch.equal(finite, torch.isfinite(other)):
        return float("inf")
    first, second = one[finite].float(), other[finite].float()
    if not first.numel():
        return 0.0
    scale = max(float(first.abs().max()), float(second.abs().max()), at_least)
    return float((first - second).abs().max()) / scale if scale else 0.0


def logits_apart(one: Tensor, other: Tensor) -> float:
    """``apart`` row by row, the largest of them; the scale of a row is at least a hundredth of the largest logit of all.

    Example:
        >>> logits_apart(torch.tensor([[100.0], [1.0]]), torch.tensor([[100.0], [2.0]]))
        0.5
    """
    if one.shape != other.shape:
        return float("inf")
    largest = float(one[torch.isfinite(one)].abs().max()) if bool(torch.isfinite(one).any()) else 0.0
    return max((apart(a, b, largest / 100) for a, b in zip(one, other, strict=True)), default=0.0)
