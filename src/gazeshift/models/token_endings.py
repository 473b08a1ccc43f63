"""How vision transformers end: from the tokens at their tap to one vector per image, and which attention hears the cells last."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.models.bottleneck import Attending
from gazeshift.models.features import ImageFeatures
from gazeshift.models.fused import answered, attending

if TYPE_CHECKING:
    from timm.models.vision_transformer import Block, VisionTransformer
else:
    Block = VisionTransformer = nn.Module  # the true type; only models that need timm import it

See = Callable[[Float[Tensor, "r d"]], Float[Tensor, "r m"]]
"""What comes after a trunk."""


@dataclass(frozen=True, eq=False)
class Layers:
    """A net that was cut before some of its last blocks.

    Attributes:
        net: up to there, with its own pooling.
        last_blocks: the blocks from there on.
        norm: after them.
    """

    net: VisionTransformer
    last_blocks: nn.Sequential
    norm: nn.Module

    def end(self, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b d"]:
        """Last blocks, norm and the net's own pooling."""
        return self.net.forward_head(self.norm(self.last_blocks(tokens)), pre_logits=True)


@runtime_checkable
class Ending(Protocol):
    """The tap of a vision transformer, and what follows it."""

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens at the tap."""

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """From there to one vector per image."""

    def attend(self, features: ImageFeatures, see: See) -> Attending | None:
        """The attention through which alone the cells are heard; None if there is none such."""


@dataclass(frozen=True, eq=False)
class BeforeBlocks:
    """The tap is the input of a block.

    For nets that average the cells themselves that is the last block. Cells bypass its norms there, through the residual stream.
    """

    layers: Layers

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens at the tap."""
        return self.layers.net.forward_features(images)

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """Last blocks, norm and the net's own pooling."""
        return self.layers.end(tokens_of(features))

    def attend(self, features: ImageFeatures, see: See) -> None:
        """None: cells are heard by each other."""


@dataclass(frozen=True, eq=False)
class ClassToken:
    """The class token is read: the tap is the output of the last block's first norm.

    The class token attends to the cells for the last time in that block's attention, which sees them only through this norm. The grid is
    what the attention reads; the other class and register tokens are kept as they enter the block, and the patches' own output is left
    out, because nothing reads it. So the function is the net's own, and the part after the tap costs less than the block.

    Attributes:
        layers: cut before the last block.
        one_attention: whether the block's attention is one softmax over the tokens.
    """

    layers: Layers
    one_attention: bool

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens at the tap: patches after the last block's first norm, the others before it."""
        net = self.layers.net
        tokens = net.forward_features(images)
        prefix, patches = tokens[:, : net.num_prefix_tokens], tokens[:, net.num_prefix_tokens :]
        return torch.cat([prefix, self._block.norm1(patches)], dim=1)

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The rest of the last block for the tokens besides the grid, norm and the net's own pooling."""
        block, read = self._block, _prefix(features)
        heard = torch.cat([block.norm1(read), features.grid.flatten(2).transpose(1, 2)], dim=1)
        read = read + block.drop_path1(block.ls1(block.attn(heard)[:, : read.shape[1]]))
        read = read + block.drop_path2(block.ls2(block.mlp(block.norm2(read))))
        return self.layers.net.forward_head(self.layers.norm(read), pre_logits=True)

    def attend(self, features: ImageFeatures, see: See) -> Attending | None:
        """The class tokens' attention in the last block."""
        block, prefix, net = self._block, _prefix(features), self.layers.net
        if not self.one_attention:
            return None
        readers = (
            net.num_prefix_tokens - net.num_reg_tokens
        )  # registers stand behind the class tokens, and nobody reads them
        read = prefix[:, :readers]

        def tell(result: Float[Tensor, "r heads q d"], place: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
            with answered(result):
                told = block(read[place])
            return see(net.forward_head(self.layers.norm(told), pre_logits=True))

        return attending(block.attn, tokens_of(ImageFeatures(features.grid)), tell, block.norm1(prefix), readers)

    @property
    def _block(self) -> Block:
        return cast("Block", self.layers.last_blocks[0])


@dataclass(frozen=True, eq=False)
class AttentionPool:
    """An attention with a learned query pools the tokens: the tap is what it reads.

    If a norm stands between the last block and the pooling, the cells reach the pooling only through it, so the tap is after it.

    Attributes:
        layers: cut before the last block.
        one_attention: whether the pooling is one softmax over the tokens.
    """

    layers: Layers
    one_attention: bool

    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b n c"]:
        """Images to the tokens that are pooled."""
        return self.layers.norm(self.layers.last_blocks(self.layers.net.forward_features(images)))

    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The net's own pooling."""
        return self.layers.net.forward_head(tokens_of(features), pre_logits=True)

    def attend(self, features: ImageFeatures, see: See) -> Attending | None:
        """The pooling's attention."""
        net, one = self.layers.net, features.grid[:, :, :1, :1]
        if not self.one_attention:
            return None

        def tell(result: Float[Tensor, "r heads q d"], place: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
            # The tokens are only counted: the attention's result is given.
            with answered(result):
                pooled = self.pool(ImageFeatures(one, features.prefix).rows(place))
            return see(pooled)

        heard_too = features.prefix if net.pool_include_prefix else None
        return attending(net.attn_pool, tokens_of(ImageFeatures(features.grid)), tell, heard_too)


def tokens_of(features: ImageFeatures) -> Float[Tensor, "b n c"]:
    """Features as tokens: those besides the grid first."""
    tokens = features.grid.flatten(2).transpose(1, 2)
    return tokens if features.prefix is None else torch.cat([features.prefix, tokens], dim=1)


def _prefix(features: ImageFeatures) -> Float[Tensor, "b p c"]:
    assert features.prefix is not None  # noqa: S101  # put there by the trunk; this tells the type checker
    return features.prefix
