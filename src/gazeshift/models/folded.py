"""A trunk as it runs without gradient: batch norms folded into the convolutions before them, which gives the same features sooner."""

import copy
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from gazeshift.models.fingerprint import state_of
from gazeshift.models.modes import evaluating
from gazeshift.models.trunk import Trunk


@dataclass(frozen=True)
class _Copy:
    """A trunk without the batch norms that can be folded (None: there are none), and the state of the original when it was made."""

    state: tuple[object, ...]
    trunk: Trunk | None


_copies: "weakref.WeakKeyDictionary[Trunk, _Copy]" = weakref.WeakKeyDictionary()


def folded(trunk: Trunk, images: Float[Tensor, "b 3 H W"]) -> Trunk:
    """The trunk to run without gradient, in evaluation mode; made at the first call, and again after a weight has changed.

    It shares all tensors with the trunk except the weights of convolutions that have taken in a batch norm, so it needs as much memory as
    these (87 MB for InceptionV3, nothing for a vision transformer). The trunk itself, its weights and its training stay as they are. What
    its features differ by is rounding: in single precision less than 1e-4 of the largest one.

    Args:
        trunk: on any device, in any precision.
        images: of the size that will be encoded; one black image of this size runs through the trunk to see what follows what.

    Example:
        >>> from gazeshift.models import ImageSpec, build_trunk
        >>> trunk, images = build_trunk(ImageSpec(name="small_cnn"), 64).eval(), torch.rand(2, 3, 64, 64)
        >>> with torch.no_grad():
        ...     torch.allclose(folded(trunk, images).encode(images).grid, trunk.encode(images).grid, atol=1e-4)
        True
    """
    state = state_of(trunk.state_dict())
    known = _copies.get(trunk)
    if known is None or known.state != state:
        known = _copies[trunk] = _Copy(state, _fold(trunk, images))
    return trunk if known.trunk is None else known.trunk


@torch.no_grad()
def _fold(trunk: Trunk, images: Float[Tensor, "b 3 H W"]) -> Trunk | None:
    with evaluating(trunk):
        pairs = list(_pairs(trunk, images.new_zeros(1, *images.shape[1:])))
        if not pairs:
            return None
        # By the rules of deepcopy, what is in here already is not copied: modules are, their tensors are not.
        made: dict[int, Any] = {id(tensor): tensor for tensor in (*trunk.parameters(), *trunk.buffers())}
        whole = copy.deepcopy(trunk, made)
    rest: dict[nn.Module, nn.Module | None] = {}
    for convolution, norm in pairs:
        _take_in(made[id(convolution)], norm)
        rest[made[id(norm)]] = _after_the_norm(made[id(norm)])
    for parent in [module for part in whole.parts_run() for module in part.modules()]:
        for name, child in parent.named_children():
            if child in rest:
                setattr(parent, name, rest[child])
    return whole


def _pairs(trunk: Trunk, image: Float[Tensor, "1 3 H W"]) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions whose output goes into a batch norm and nowhere else."""
    convolutions = {id(module.weight): module for module in trunk.modules() if isinstance(module, nn.Conv2d)}
    norms = {id(module.running_mean): module for module in _norms(trunk)}
    with _Recorder() as recorder:
        recorder.read(trunk.emit(image))
    calls, uses = recorder.convolved, recorder.means
    for weight, outputs in calls.items():
        means = [mean for output in outputs for mean in uses[id(output)]]
        # A layer called twice would have to be two.
        if weight in convolutions and len(outputs) == len(means) == 1 and means[0] in norms:
            if sum(means[0] in each for each in uses.values()) == 1:
                yield convolutions[weight], norms[means[0]]


def _norms(trunk: Trunk) -> Iterator[nn.BatchNorm2d]:
    """The batch norms that can be folded: with statistics of their own, and known to do nothing else but what ``_after_the_norm`` says."""
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and _after_the_norm(module) is not None:
            yield module


def _after_the_norm(module: nn.BatchNorm2d) -> nn.Module | None:
    """What a module does after its norm; None if it may do anything."""
    if type(module) is nn.BatchNorm2d:
        return nn.Identity()
    from gazeshift.models.timm_nets import after_norm  # noqa: PLC0415  only timm's nets have other ones, so timm is loaded

    return after_norm(module)


class _Recorder(TorchFunctionMode):
    """Watches a pass: where each convolution's output goes.

    Attributes:
        convolved: the outputs by the identity of the weight; kept alive, so that their own identities stay theirs.
        means: by the identity of such an output, for each operation that reads it: the identity of the running mean, if it is a batch norm.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolved: dict[int, list[Tensor]] = defaultdict(list)
        self.means: dict[int, list[int | None]] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called in the place of every operation."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):  # else it asks for a shape or a device
            self.read((args, kwargs), id(args[1]) if func.__name__ == "batch_norm" else None)
            if func.__name__ == "conv2d":
                self.convolved[id(args[1])].append(result)
                self.means[id(result)] = []
        return result

    def read(self, what: object, mean: int | None = None) -> None:
        """Note that some tensors are read."""
        for leaf in tree_leaves(what):
            if id(leaf) in self.means:
                self.means[id(leaf)].append(mean)


def _take_in(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Give a convolution the weights with which it does both."""
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101, PT018  # else it would not be foldable
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    layout = torch.channels_last
    convolution.weight = nn.Parameter(weight.contiguous(memory_format=layout), requires_grad=False)
    convolution.bias = nn.Parameter(bias, requires_grad=False)
