"""A share of a batch computed as it would be in the whole batch: the same dropout, the same batch norm.

Everything else in a net treats each pair alone. PyTorch's own ``SyncBatchNorm`` runs on CUDA only and dropout knows nothing of shares.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gazeshift.errors import TrainingError
from gazeshift.training.ranks import added, ranks
from gazeshift.training.shares import Share


@contextmanager
def as_in_whole_batch(share: Share, parts: int = 1) -> Iterator[None]:
    """Compute a share of a batch within the block as a single process would compute these rows in the whole batch.

    All processes must have seeded their random numbers alike. The rows must be the first axis of what dropout is applied to.

    Args:
        share: the rows.
        parts: in how many parts the batch is computed one after the other; batch norm, which needs all at once, is then refused.

    Raises:
        TrainingError: a net that draws random numbers of an unknown kind, or batch norm and several parts.
    """
    if ranks().size == 1 and parts == 1:
        yield
        return
    with _BatchNorm(share, parts), _Draws(share):
        yield


class _BatchNorm(TorchFunctionMode):
    """Batch norm with the statistics of the whole batch."""

    def __init__(self, share: Share, parts: int) -> None:
        super().__init__()
        self.share, self.parts = share, parts

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function is F.batch_norm:
            return self.norm(function, *args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))

    def norm(
        self,
        function: Callable[..., Tensor],
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return function(x, running_mean, running_var, weight, bias, training, momentum, eps)
        if self.parts > 1:
            raise TrainingError(
                "batch norm needs the whole batch at once, which accumulate divides; use accumulate: 1, more processes (torchrun), "
                "a smaller batch_size, or freeze the layers with batch norm."
            )
        with torch.autocast(x.device.type, enabled=False):
            return _normalised(x, self.share, running_mean, running_var, weight, bias, momentum, eps)


def _normalised(
    x: Tensor,
    share: Share,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float,
    eps: float,
) -> Tensor:
    """Mean and variance in two passes, each added up over all processes; the gradient is added up by the same operation."""
    axes, shape = [0, *range(2, x.dim())], [1, -1, *[1] * (x.dim() - 2)]
    count = x[0, 0].numel() * share.whole  # every process knows it
    counts, own = float(share.count > 0), share.own
    values = x.float()
    mean = _Added.apply(values[own].sum(axes) * counts) / count
    centred = values - mean.view(shape)
    variance = _Added.apply(centred[own].square().sum(axes) * counts) / count
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        if running_var is not None:
            running_var.lerp_((variance * (count / max(count - 1, 1))).to(running_var.dtype), momentum)
    normal = centred * (variance + eps).rsqrt().view(shape)
    if weight is not None:
        normal = normal * weight.view(shape)
    return (normal if bias is None else normal + bias.view(shape)).to(x.dtype)


class _Added(Function):
    """The sum over all processes; the gradient of a sum over all is added up over all."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return added(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return added(gradient)


class _Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Random numbers drawn for the whole batch, of which the share takes its rows: below autograd, so for any net."""

    def __init__(self, share: Share) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.share = share

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in function.tags or _drops_nothing(function, args, kwargs):
            return function(*args, **kwargs)
        if function is torch.ops.aten.native_dropout.default:
            return self.fused_dropout(function, *args)
        if function not in _IN_PLACE:
            raise TrainingError(
                f"the net draws random numbers by {function}, which cannot be divided among processes or parts of a batch; "
                "train it in one process with accumulate: 1."
            )
        target, *rest = args
        whole = self.whole_like(target)
        function(whole, *rest, **kwargs)
        return target.copy_(self.own(whole, target))

    def fused_dropout(self, function: Any, x: Tensor, p: float, train: bool) -> tuple[Tensor, Tensor]:
        _, whole = function(self.whole_like(x).fill_(1), p, train)
        mask = self.own(whole, x)
        return x * mask / (1 - p), mask

    def whole_like(self, x: Tensor) -> Tensor:
        """Of the whole batch, in the same order in memory, in which random numbers are drawn.

        Several rows per pair (heads, say) lie together. What has no row for each pair is the same everywhere.
        """
        computed = self.share.rows.stop - self.share.rows.start
        each, odd = divmod(x.shape[0], computed) if x.dim() else (0, 1)
        shape = list(x.shape) if odd else [each * self.share.whole, *x.shape[1:]]
        strides = x.stride()
        axes = sorted(range(x.dim()), key=lambda axis: -strides[axis])
        places = sorted(range(x.dim()), key=axes.__getitem__)
        return x.new_empty([shape[axis] for axis in axes]).permute(places)

    def own(self, whole: Tensor, x: Tensor) -> Tensor:
        if whole.shape == x.shape:
            return whole
        each = whole.shape[0] // self.share.whole
        return whole[self.share.rows.start * each : self.share.rows.stop * each]


def _drops_nothing(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a kernel that can also drop (fused attention, say) is called without doing so."""
    names = [argument.name for argument in function._schema.arguments]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    chances = _CHANCES & set(names)
    return bool(chances) and all(given.get(name, 0.0) == 0.0 for name in chances)


_CHANCES = {"dropout", "dropout_p"}
_IN_PLACE = {
    torch.ops.aten.bernoulli_.float,
    torch.ops.aten.bernoulli_.Tensor,
    torch.ops.aten.uniform_.default,
    torch.ops.aten.normal_.default,
}
