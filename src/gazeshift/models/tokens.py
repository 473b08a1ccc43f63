"""Vision transformers, split at the tap. Where the cells are used determines where the tap can be.

If a cell reaches the rest of the net only through a normalisation, scaling the cell changes nothing: by Euler's theorem the sum
over channels of gradient times activation is then 0 in that cell, whatever its value. So a tap just before a norm that is the only
user of the cells has no map; one just after it has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.affine import NO_AFFINE, Affine
from gazeshift.models.bottleneck import Attending
from gazeshift.models.features import ImageFeatures
from gazeshift.models.fused import answered, attending
from gazeshift.models.spec import ImageSpec
from gazeshift.models.trunk import Trunk, frozen_in_part, more_than_average

if TYPE_CHECKING:
    from timm.models.vision_transformer import Block, VisionTransformer
else:
    Block = VisionTransformer = nn.Module  # the true type; only models that need timm import it


@dataclass(frozen=True)
class LastLayers:
    """What the last layers of a vision transformer are.

    Attributes:
        attention_pool: whether one attention with learned queries pools the tokens.
        one_first_norm: whether the last block's attention sees the tokens only through the output of one norm, which can be a tap.
        one_attention: whether the attention that reads the cells last, of the pooling or of that block, is one softmax over the tokens.
    """

    attention_pool: bool
    one_first_norm: bool
    one_attention: bool


class TokenTrunk(Trunk):
    """A vision transformer with its tap between two blocks: the tap is the input of one of them.

    For nets that average the cells themselves that is the input of the last block. Cells bypass its norms there, through the residual
    stream.
    """

    mixes_cells = True
    emits_tokens = True

    def __init__(self, net: VisionTransformer, depth: int) -> None:
        """``depth``: number of blocks before the tap."""
        super().__init__()
        self.last_blocks, self.norm = _cut_off(net, depth)
        self.net = net
        self.grid_size: tuple[int, int] = net.patch_embed.grid_size
        self.prefix_length: int = net.num_prefix_tokens

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

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens at the tap."""
        return self.net.forward_features(images)

    def tapped(self, emitted: Float[Tensor, "b n c"]) -> ImageFeatures:
        """The same in gazeshift's layout: a grid of patches, with the other tokens separate."""
        return _features(emitted, self.prefix_length, self.grid_size)

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """Last blocks, norm and the net's own pooling."""
        return self.net.forward_head(self.norm(self.last_blocks(_tokens(features))), pre_logits=True)


class ClassTokenTrunk(TokenTrunk):
    """A vision transformer that reads its class token: the tap is the output of the last block's first norm.

    The class token attends to the cells for the last time in that block's attention, which sees them only through this norm. The grid is
    what the attention reads; the other class and register tokens are kept as they enter the block, and the patches' own output is left
    out, because nothing reads it. So the function is the net's own, and the part after the tap costs less than the block.
    """

    def __init__(self, net: VisionTransformer, one_attention: bool) -> None:
        """``one_attention``: whether the block's attention is one softmax over the tokens."""
        super().__init__(net, -1)
        self.one_attention = one_attention
        self.read_length: int = (
            self.prefix_length - net.num_reg_tokens
        )  # registers stand behind the class tokens, and nobody reads them

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens at the tap: patches after the last block's first norm, the others before it."""
        tokens = self.net.forward_features(images)
        prefix, patches = tokens[:, : self.prefix_length], tokens[:, self.prefix_length :]
        return torch.cat([prefix, self._block.norm1(patches)], dim=1)

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The rest of the last block for the tokens besides the grid, norm and the net's own pooling."""
        block, read = self._block, _prefix(features)
        heard = torch.cat([block.norm1(read), features.grid.flatten(2).transpose(1, 2)], dim=1)
        read = read + block.drop_path1(block.ls1(block.attn(heard)[:, : self.prefix_length]))
        read = read + block.drop_path2(block.ls2(block.mlp(block.norm2(read))))
        return self.net.forward_head(self.norm(read), pre_logits=True)

    def forward(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b d"]:
        """The whole last block, also for the patches."""
        tokens = self.last_blocks(self.net.forward_features(images))
        return self.net.forward_head(self.norm(tokens), pre_logits=True)

    def attend(
        self, features: ImageFeatures, see: Callable[[Float[Tensor, "r d"]], Float[Tensor, "r m"]]
    ) -> Attending | None:
        """The class tokens' attention in the last block."""
        block, prefix = self._block, _prefix(features)
        if not self.one_attention:
            return None
        read = prefix[:, : self.read_length]

        def tell(result: Float[Tensor, "r heads q d"], place: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
            with answered(result):
                told = block(read[place])
            return see(self.net.forward_head(self.norm(told), pre_logits=True))

        return attending(block.attn, _tokens(ImageFeatures(features.grid)), tell, block.norm1(prefix), self.read_length)

    @property
    def _block(self) -> Block:
        return cast("Block", self.last_blocks[0])


class AttentionPooledTrunk(TokenTrunk):
    """A vision transformer that pools its tokens by an attention with a learned query: the tap is what that attention reads.

    If a norm stands between the last block and the pooling, the cells reach the pooling only through it, so the tap is after it.
    """

    def __init__(self, net: VisionTransformer, one_attention: bool) -> None:
        """``one_attention``: whether the pooling is one softmax over the tokens."""
        super().__init__(net, -1)
        self.one_attention = one_attention

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens that are pooled."""
        return self.norm(self.last_blocks(self.net.forward_features(images)))

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The net's own pooling."""
        return self.net.forward_head(_tokens(features), pre_logits=True)

    def attend(
        self, features: ImageFeatures, see: Callable[[Float[Tensor, "r d"]], Float[Tensor, "r m"]]
    ) -> Attending | None:
        """The pooling's attention."""
        if not self.one_attention:
            return None
        one = features.grid[:, :, :1, :1]

        def tell(result: Float[Tensor, "r heads q d"], place: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
            # The tokens are only counted: the attention's result is given.
            with answered(result):
                pooled = self.pool(ImageFeatures(one, features.prefix).rows(place))
            return see(pooled)

        heard_too = _prefix(features) if self.net.pool_include_prefix and self.prefix_length else None
        return attending(self.net.attn_pool, _tokens(ImageFeatures(features.grid)), tell, heard_too)


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
        return TokenTrunk(net, _depth(net, spec))
    if kind.attention_pool:
        return AttentionPooledTrunk(net, kind.one_attention)
    if net.attn_pool is not None or net.global_pool != "token":
        return TokenTrunk(net, len(net.blocks) - 1)
    if kind.one_first_norm:
        return ClassTokenTrunk(net, kind.one_attention)
    return TokenTrunk(net, max(0, len(net.blocks) - 2))


def _cut_off(net: VisionTransformer, depth: int) -> tuple[nn.Sequential, nn.Module]:
    """Remove the blocks from one on, and the norm after them, from a net, so that its features end before them."""
    blocks, norm = net.blocks[depth:], net.norm
    net.blocks, net.norm = net.blocks[:depth], nn.Identity()
    return blocks, norm


def _depth(net: VisionTransformer, spec: ImageSpec) -> int:
    """The number of a ViT's blocks before the named tap."""
    names = ["patch_embed", *(f"blocks.{index}" for index in range(len(net.blocks) - 1))]
    if spec.tap not in names:
        raise ModelError(
            f"image model {spec.name!r} has no tap {spec.tap!r}: choose patch_embed (before all blocks) or one of blocks.0 to {names[-1]}."
        )
    return names.index(spec.tap)


def _tokens(features: ImageFeatures) -> Float[Tensor, "b n c"]:
    """The opposite of ``_features``."""
    tokens = features.grid.flatten(2).transpose(1, 2)
    return tokens if features.prefix is None else torch.cat([features.prefix, tokens], dim=1)


def _prefix(features: ImageFeatures) -> Float[Tensor, "b p c"]:
    assert features.prefix is not None  # noqa: S101  # put there by ``tapped``; this tells the type checker
    return features.prefix


def _features(tokens: Float[Tensor, "b n c"], prefix: int, size: tuple[int, int]) -> ImageFeatures:
    """Tokens as a grid of patches, with the preceding tokens separate."""
    grid = tokens[:, prefix:].transpose(1, 2).reshape(len(tokens), -1, *size)
    return ImageFeatures(grid, tokens[:, :prefix] if prefix else None)
