"""A trunk as it runs without gradient: batch norms folded into the convolutions before them, which gives the same features sooner."""

import copy
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from gazeshift.models.features import ImageFeatures
from gazeshift.models.fingerprint import state_of
from gazeshift.models.modes import evaluating
from gazeshift.models.trunk import Trunk


@dataclass(frozen=True)
class Ready:
    """A trunk's copy to run without gradient.

    It shares all tensors with the trunk except the weights of convolutions that have taken in a batch norm, so it needs as much memory as
    these (87 MB for InceptionV3, nothing for a vision transformer). Its features differ from the trunk's by rounding: in single precision
    by less than 1e-4 of the largest.

    Attributes:
        state: of the trunk's tensors when the copy was made.
        trunk: the copy, in evaluation mode.
    """

    state: tuple[object, ...]
    trunk: Trunk

    @cached_property
    def compiled(self) -> Callable[[Float[Tensor, "b 3 H W"]], ImageFeatures]:
        """``trunk.encode``, compiled at its first call for a size of batch, with the weights frozen in."""
        # Freezing lets the compiler lay out the weights; without it, it gains little on a CPU.
        run: Callable[[Tensor], ImageFeatures] = torch.compile(
            self.trunk.encode, dynamic=False, options={"freezing": True}
        )
        return run


_copies: "weakref.WeakKeyDictionary[Trunk, Ready]" = weakref.WeakKeyDictionary()


def ready(trunk: Trunk, images: Float[Tensor, "b 3 H W"]) -> Ready:
    """The trunk as it runs without gradient: made at the first call, and again after a weight has changed.

    The trunk itself, its weights, its modes and its training stay as they are. What counts as a change is what counts for
    ``fingerprint.known_digest``.

    Args:
        trunk: on any device, in any precision.
        images: of the size that will be encoded; if there are batch norms, one black image of this size runs through the trunk to see
            what follows what.

    Example:
        >>> from gazeshift.models import ImageSpec, build_trunk
        >>> trunk, images = build_trunk(ImageSpec(name="small_cnn"), 64).eval(), torch.rand(2, 3, 64, 64)
        >>> with torch.no_grad():
        ...     torch.allclose(ready(trunk, images).trunk.encode(images).grid, trunk.encode(images).grid, atol=1e-4)
        True
    """
    state = state_of(trunk.state_dict())
    known = _copies.get(trunk)
    if known is None or known.state != state:
        known = _copies[trunk] = Ready(state, _fold(trunk, images.new_zeros(1, *images.shape[1:])))
    return known


@torch.no_grad()
def _fold(trunk: Trunk, image: Float[Tensor, "1 3 H W"]) -> Trunk:
    # By the rules of deepcopy, what is in here already is not copied: modules are, their tensors are not.
    made: dict[int, Any] = {id(tensor): tensor for tensor in (*trunk.parameters(), *trunk.buffers())}
    with evaluating(trunk):
        pairs = list(_pairs(trunk, image))
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
    if not norms:
        return
    with _Recorder() as recorder:
        recorder.read(trunk.emit(image))
    for weight, outputs in recorder.convolved.items():
        readers = [reader for output in outputs for reader in recorder.readers[id(output)]]
        # A layer that is called twice would have to be two.
        once = len(outputs) == len(readers) == 1 and recorder.normed[readers[0]] == 1
        if once and weight in convolutions and readers[0] in norms:
            yield convolutions[weight], norms[readers[0]]


def _norms(trunk: Trunk) -> Iterator[nn.BatchNorm2d]:
    """The batch norms that can be folded: they have statistics, and do nothing that nobody knows."""
    candidates = (module for module in trunk.modules() if isinstance(module, nn.BatchNorm2d))
    return (norm for norm in candidates if norm.running_mean is not None and _after_the_norm(norm) is not None)


def _after_the_norm(module: nn.BatchNorm2d) -> nn.Module | None:
    """What a module does after its norm; None if it may do anything."""
    if type(module) is nn.BatchNorm2d:
        return nn.Identity()
    from gazeshift.models.timm_nets import after_norm  # noqa: PLC0415  only timm's nets have other ones, so timm is loaded

    return after_norm(module)


class _Recorder(TorchFunctionMode):
    """Watches a pass: where each convolution's output goes. A convolution is known by its weight, a norm by its running mean.

    Attributes:
        convolved: outputs by weight; kept alive, so that their identities remain theirs.
        readers: by output, for every operation that reads it: the mean if it is a batch norm, else 0.
        normed: number of calls by mean.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolved: dict[int, list[Tensor]] = defaultdict(list)
        self.readers: dict[int, list[int]] = {}
        self.normed: Counter[int] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called in the place of every operation."""
        result = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):  # else it asks for a shape or a device
            mean = id(args[1]) if func.__name__ == "batch_norm" else 0
            self.normed[mean] += 1
            self.read((args, kwargs), mean)
            if func.__name__ == "conv2d":
                self.convolved[id(args[1])].append(result)
                self.readers[id(result)] = []
        return result

    def read(self, what: object, mean: int = 0) -> None:
        """Note that some tensors are read."""
        for leaf in tree_leaves(what):
            if id(leaf) in self.readers:
                self.readers[id(leaf)].append(mean)


def _take_in(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Give a convolution the weights with which it does both."""
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101, PT018  # else it would not be foldable
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    layout = torch.channels_last
    convolution.weight = nn.Parameter(weight.contiguous(memory_format=layout), requires_grad=False)
    convolution.bias = nn.Parameter(bias, requires_grad=False)
