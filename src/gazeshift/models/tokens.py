"""Vision transformers, split at the tap. Where the cells are used determines where the tap can be.

If a cell reaches the rest of the net only through a normalisation, scaling the cell changes nothing: by Euler's theorem the sum
over channels of gradient times activation is then 0 in that cell, whatever its value. So a tap just before a norm that is the only
user of the cells has no map; one just after it has.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.affine import NO_AFFINE, Affine
from gazeshift.models.bottleneck import Attending
from gazeshift.models.features import ImageFeatures
from gazeshift.models.rotary import RotaryBlocks
from gazeshift.models.spec import ImageSpec
from gazeshift.models.token_endings import AttentionPool, BeforeBlocks, ClassToken, Ending, Layers, See
from gazeshift.models.trunk import Trunk, frozen_in_part, more_than_average

if TYPE_CHECKING:
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer
else:
    VisionTransformer = nn.Module  # the true type; only models that need timm import it


@dataclass(frozen=True)
class LastLayers:
    """What the last layers of a vision transformer are.

    Attributes:
        attention_pool: whether one attention with learned queries pools the tokens.
        one_first_norm: whether the last block's attention sees the tokens only through the output of one norm, which can be a tap.
        one_attention: whether the attention that reads the cells last, of the pooling or of that block, is one softmax over the tokens.
        rotary: whether every block is told the places of the tokens.
    """

    attention_pool: bool
    one_first_norm: bool
    one_attention: bool
    rotary: bool = False


class TokenTrunk(Trunk):
    """A vision transformer; where its tap is, and what follows it, is its ending's affair."""

    mixes_cells = True
    emits_tokens = True
    memory_format = torch.preserve_format

    def __init__(self, layers: Layers, ending: Ending) -> None:
        super().__init__()
        self.last_blocks, self.norm, self.net = layers.last_blocks, layers.norm, layers.net
        self.layers, self.ending = layers, ending  # not modules: they share these

    @property
    def affine(self) -> Affine:
        """The identity: what follows a grid of tokens does more than average."""
        return NO_AFFINE

    def fix_affine(self, affine: Affine, size: int) -> None:
        """Impossible here.

        Raises:
            ModelError: always.
        """
        raise more_than_average()

    def stem(self, layer: str) -> None:
        """Impossible: its blocks are frozen all or none.

        Raises:
            ModelError: always.
        """
        raise frozen_in_part()

    def parts_in_order(self) -> list[nn.Module]:
        """The trunk's parts from the images on."""
        return [self.net, self.last_blocks, self.norm]

    def parts_run(self) -> list[nn.Module]:
        """The trunk itself."""
        return [self]

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens at the tap."""
        return self.ending.emit(images)

    def tapped(self, emitted: Float[Tensor, "b n c"]) -> ImageFeatures:
        """The same in gazeshift's layout: a grid of patches, with the other tokens separate."""
        prefix, size = self.net.num_prefix_tokens, self.net.patch_embed.grid_size
        grid = emitted[:, prefix:].transpose(1, 2).reshape(len(emitted), -1, *size)
        return ImageFeatures(grid, emitted[:, :prefix] if prefix else None)

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The rest of the trunk: from the tap to one vector per image."""
        return self.ending.pool(features)

    def attend(self, features: ImageFeatures, see: See) -> Attending | None:
        """The last attention to the cells, if it alone hears them."""
        return self.ending.attend(features, see)

    def whole(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b d"]:
        """All blocks for all tokens."""
        return self.layers.end(self.net.forward_features(images))


def token_trunk(net: VisionTransformer, spec: ImageSpec, size: int, kind: LastLayers) -> TokenTrunk:
    """Split a vision transformer at the tap that its spec names.

    ``last`` is the last place where cells are used other than through a norm only: before an attention that pools them, or that of the
    last block if a class token is read, or else before the last block. Nets that read a class token and with a last block that
    has several parallel first norms, or an unusual order, have no such place in it: their tap is the input of the block before.

    Args:
        net: timm's net.
        spec: names the tap.
        size: side of the input images in pixels.
        kind: what its last layers are.

    Raises:
        ModelError: the image's side is not a multiple of a patch's, or there is no such tap.
    """
    patch = net.patch_embed.patch_size[0]
    if size % patch:  # timm drops the rest at the right and bottom edge: every map would be misaligned
        raise ModelError(f"image model {spec.name!r} cuts patches of {patch} px: {size} px is not a multiple of that.")
    if spec.tap != "last":
        return _before(net, _depth(net, spec), kind)
    if kind.attention_pool:
        layers = _cut_off(net, len(net.blocks) - 1, kind)
        return TokenTrunk(layers, AttentionPool(layers, kind.one_attention))
    if net.attn_pool is not None or net.global_pool != "token":
        return _before(net, len(net.blocks) - 1, kind)
    if kind.one_first_norm:
        layers = _cut_off(net, len(net.blocks) - 1, kind)
        return TokenTrunk(layers, ClassToken(layers, kind.one_attention))
    return _before(net, max(0, len(net.blocks) - 2), kind)


def _before(net: VisionTransformer, depth: int, kind: LastLayers) -> TokenTrunk:
    layers = _cut_off(net, depth, kind)
    return TokenTrunk(layers, BeforeBlocks(layers))


def _cut_off(net: VisionTransformer, depth: int, kind: LastLayers) -> Layers:
    """Remove the blocks from one on, and the norm after them, from a net, so that its features end before them."""
    last_blocks = RotaryBlocks(cast("Eva", net), depth) if kind.rotary else net.blocks[depth:]
    layers = Layers(net, last_blocks, net.norm)
    net.blocks, net.norm = net.blocks[:depth], nn.Identity()
    return layers


def _depth(net: VisionTransformer, spec: ImageSpec) -> int:
    """The number of a ViT's blocks before the named tap."""
    names = ["patch_embed", *(f"blocks.{index}" for index in range(len(net.blocks) - 1))]
    if spec.tap not in names:
        raise ModelError(
            f"image model {spec.name!r} has no tap {spec.tap!r}: choose patch_embed (before all blocks) or one of blocks.0 to {names[-1]}."
        )
    return names.index(spec.tap)
