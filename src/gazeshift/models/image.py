"""Image trunks, split at the tap: ``encode`` up to the last spatial grid, ``pool`` from there to one vector per image."""

import math
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.affine import NO_AFFINE, Affine
from gazeshift.models.cut import Cut, cut, output_of
from gazeshift.models.features import ImageFeatures
from gazeshift.models.modes import evaluating
from gazeshift.models.reason import reason
from gazeshift.models.small_cnn import SmallCNN
from gazeshift.models.spec import ImageSpec
from gazeshift.models.stem import Stem
from gazeshift.models.token_endings import See
from gazeshift.models.tokens import token_trunk
from gazeshift.models.trunk import Trunk, frozen_in_part, more_than_average
from gazeshift.models.weights import read_weights

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer


class GridNet(Protocol):
    """The interface of timm's models (and ours): features up to the last grid, and the head from there."""

    def forward_features(self, x: Tensor) -> Tensor: ...  # noqa: D102
    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor: ...  # noqa: D102


class GridTrunk(Trunk):
    """A trunk that ends in a grid (every CNN, Swin, ...): the tap is the output of ``forward_features``, or of an earlier layer.

    The constant affine ``(A - mean) / deviation`` comes before the tap: it preserves the function up to a linear map that the
    head absorbs, but determines whether the map includes the offset of a head that centres its features.
    """

    mixes_cells = False
    emits_tokens = False
    memory_format = torch.channels_last
    mean: Tensor
    deviation: Tensor

    def __init__(self, net: nn.Module, channels: int, channels_last: bool, parts: Cut | None = None) -> None:
        super().__init__()
        self.net = net
        self.channels_last = channels_last
        self.parts = parts  # not a module: it shares the net's weights, which belong only to the net
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    @property
    def affine(self) -> Affine:
        """The affine that was set, or the identity."""
        return Affine(self.mean, self.deviation)

    def fix_affine(self, affine: Affine, size: int) -> None:
        """Allowed only if the tail is just the mean over the grid: then nothing is lost.

        Raises:
            ModelError: the tail does more.
        """
        with evaluating(self), torch.no_grad():
            example = self.encode(torch.zeros(1, 3, size, size))
            noise = torch.randn(2, *example.grid.shape[1:], generator=torch.Generator().manual_seed(0))
            mean = noise.mean((2, 3))  # before anything else: a tail may work in place
            pooled = self.pool(ImageFeatures(noise))
        if pooled.shape != mean.shape or not torch.allclose(pooled, mean, rtol=1e-4, atol=1e-5):
            raise more_than_average()
        self.mean.copy_(affine.mean)
        self.deviation.copy_(affine.deviation)

    def stem(self, layer: str) -> Stem:
        """The first layers of its net, which must be tapped at its last layer.

        Raises:
            ModelError: it has an earlier tap, or cannot be cut there.
        """
        if self.parts is not None:
            raise frozen_in_part()
        return Stem(cut(self.net, layer), self.tapped)

    def parts_in_order(self) -> list[nn.Module]:
        """The trunk's parts from the images on."""
        return [self.net]

    def parts_run(self) -> list[nn.Module]:
        """The trunk, and for an earlier tap the graph up to it."""
        return [self] if self.parts is None else [self, self.parts.before]

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b _ _ _"]:
        """Images to the grid at the tap, in the net's own layout and before the affine."""
        before = cast("GridNet", self.net).forward_features if self.parts is None else self.parts.before
        return before(images)

    def tapped(self, emitted: Float[Tensor, "b _ _ _"]) -> ImageFeatures:
        """The same in gazeshift's layout, after the affine."""
        return ImageFeatures(self.affine.apply(emitted.permute(0, 3, 1, 2) if self.channels_last else emitted))

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The rest of the trunk: from the grid to one vector per image."""
        grid = features.grid.permute(0, 2, 3, 1) if self.channels_last else features.grid
        last = grid if self.parts is None else self.parts.after(grid)
        return cast("GridNet", self.net).forward_head(last, pre_logits=True)

    def attend(self, features: ImageFeatures, see: See) -> None:
        """None."""

    def whole(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b d"]:
        """Everything is read; in the layout that the images come in."""
        return self.pool(self.tapped(self.emit(images)))


class NoTrunk(Trunk):
    """An empty trunk: the image side of a text-only model."""

    mixes_cells = False
    emits_tokens = False
    memory_format = torch.preserve_format

    @property
    def affine(self) -> Affine:
        """The identity."""
        return NO_AFFINE

    def fix_affine(self, affine: Affine, size: int) -> None:
        """Impossible, because there is nothing to average.

        Raises:
            ModelError: always.
        """
        raise more_than_average()

    def stem(self, layer: str) -> None:
        """None: there is no layer."""

    def parts_in_order(self) -> list[nn.Module]:
        """None."""
        return []

    def parts_run(self) -> list[nn.Module]:
        """The trunk itself."""
        return [self]

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b 0 1 1"]:
        """An empty grid."""
        return images.new_zeros(len(images), 0, 1, 1)

    def tapped(self, emitted: Float[Tensor, "b 0 1 1"]) -> ImageFeatures:
        """The same."""
        return ImageFeatures(emitted)

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b 0"]:
        """A vector of width 0."""
        return features.grid.flatten(1)

    def attend(self, features: ImageFeatures, see: See) -> None:
        """None."""

    def whole(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b 0"]:
        """A vector of width 0."""
        return self.pool(self.encode(images))


def build_trunk(spec: ImageSpec, size: int, weights: str = "none") -> Trunk:
    """Build an image trunk.

    Args:
        spec: which one; any timm model with a last spatial grid.
        size: side of the input images in pixels.
        weights: ``none`` (random), ``hub`` (timm's pretrained weights, downloaded) or a local ``.safetensors`` file.

    Raises:
        ModelError: an unknown name, no last grid, or weights that cannot be loaded or do not fit.

    Example:
        >>> trunk = build_trunk(ImageSpec(name="resnet18"), size=64)
        >>> trunk.encode(torch.zeros(1, 3, 64, 64)).grid.shape
        torch.Size([1, 512, 2, 2])
    """
    if spec.name == "none":
        return NoTrunk()
    if spec.name == "small_cnn":
        return _grid_trunk(_with_weights(_small_cnn(spec), weights, spec.name), spec, size)
    timm_nets = _timm_nets()
    net = _with_weights(timm_nets.create(spec, size, weights), weights, spec.name)
    if timm_nets.is_vision_transformer(net):
        return token_trunk(cast("VisionTransformer", net), spec, size, timm_nets.last_layers(net))
    return _grid_trunk(net, spec, size)


def check_name(name: str) -> None:
    """Refuse a name that neither timm nor gazeshift has.

    Raises:
        ModelError: suggests similar names.
    """
    if name not in {"none", "small_cnn"}:
        _timm_nets().check_name(name)


def _timm_nets() -> ModuleType:
    from gazeshift.models import timm_nets  # noqa: PLC0415  timm imports torchvision and half of torch's compiler with it

    return timm_nets


def _small_cnn(spec: ImageSpec) -> SmallCNN:
    if not (
        spec.options.keys() <= {"coordinates", "local"} and all(isinstance(v, bool) for v in spec.options.values())
    ):
        raise ModelError(f"image.options: small_cnn takes coordinates and local, true or false, not {spec.options}.")
    return SmallCNN(**spec.options)


def _with_weights(net: nn.Module, weights: str, name: str) -> nn.Module:
    if weights not in {"none", "hub"}:
        _load_weights(net, Path(weights), name)
    return net


def _load_weights(net: nn.Module, path: Path, name: str) -> None:
    """Load a state dict; only a classifier may be superfluous, only batch counters may be missing."""
    state = read_weights(path)
    try:
        missing, unexpected = net.load_state_dict(state, strict=False)
    except RuntimeError as error:  # other shapes
        raise ModelError(f"weights: {path} does not fit {name!r}: {reason(error)}.") from error
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    unexpected = [
        key for key in unexpected if key.split(".")[0] not in {"fc", "head", "classifier", "AuxLogits", "aux"}
    ]
    if missing or unexpected:
        raise ModelError(
            f"weights: {path} does not fit {name!r}: {len(missing)} tensors missing ({', '.join(missing[:3])}), "
            f"{len(unexpected)} not known to it ({', '.join(unexpected[:3])})."
        )


def _grid_trunk(net: nn.Module, spec: ImageSpec, size: int) -> GridTrunk:
    channels_last = getattr(net, "output_fmt", "NCHW") == "NHWC"  # timm's documented mark of NHWC models
    parts = None
    grid: object
    try:
        if spec.tap == "last":
            with evaluating(net), torch.no_grad():
                grid = cast("GridNet", net).forward_features(torch.zeros(1, 3, size, size))
        else:
            parts = cut(net, spec.tap)
            grid = output_of(parts, size)
    except RuntimeError as error:  # too small for its kernels
        raise ModelError(f"image model {spec.name!r} cannot take images of {size} px ({reason(error)}).") from error
    except ModelError as error:
        raise ModelError(f"image model {spec.name!r}, image.tap: {error}") from error
    if not isinstance(grid, Tensor) or grid.ndim != 4:
        shape = tuple(grid.shape) if isinstance(grid, Tensor) else type(grid).__name__
        place = "last spatial grid (its features are" if spec.tap == "last" else f"grid at {spec.tap!r} (it gives"
        raise ModelError(f"image model {spec.name!r} has no {place} {shape}); choose a CNN, a Swin or a ViT.")
    if math.prod(grid.shape[1:3] if channels_last else grid.shape[2:]) < 2:
        raise ModelError(
            f"image model {spec.name!r} at {size} px ends in a single cell, so there is no map; use larger images, or an earlier "
            "image.tap."
        )
    channels = grid.shape[3] if channels_last else grid.shape[1]
    # The parts before the tap run fastest in channels_last on a CPU and on tensor cores; the numbers are the same.
    return GridTrunk(net.to(memory_format=torch.channels_last), channels, channels_last, parts)
