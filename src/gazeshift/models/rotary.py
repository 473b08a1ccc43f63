"""The last blocks of vision transformers whose attention turns queries and keys by their place (EVA, DINOv3)."""

from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor, nn

if TYPE_CHECKING:
    from timm.models.eva import Eva
else:
    Eva = nn.Module  # the true type; only models that need timm import it


class RotaryBlocks(nn.Sequential):
    """The blocks of a net from one on, each given the places of the tokens, as the net itself gives them.

    Args:
        net: timm's net, which keeps what it computes places with.
        first: the first of its blocks.
    """

    def __init__(self, net: Eva, first: int) -> None:
        super().__init__(*net.blocks[first:])
        self.first, self._net = first, (net,)  # not a module: it belongs to the trunk

    def forward(self, tokens: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        """All blocks. In training, DINOv3's random change of places is drawn apart from that of the blocks before."""
        (net,) = self._net
        places = None if net.rope is None else net.rope.get_embed(shape=net.patch_embed.grid_size)
        for index, block in enumerate(self, start=self.first):
            # Some nets learn other places for every block.
            tokens = block(tokens, rope=places[index] if places is not None and net.rope_mixed else places)
        return tokens
