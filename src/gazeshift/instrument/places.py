"""Places at the tap: what pooling would discard, kept as channels of their own."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.image import GridNet, GridTrunk


class Placed(nn.Module):
    """A net whose channels come four times: as they are, and times x, y and x^2 + y^2 of their cell (in [-1, 1] and [0, 2]).

    After pooling these are how much of a channel there is, its centre of mass (two), and how far it lies from the picture's centre. With
    coordinates at the tap places are exact, whatever the net has learned, and a cell in which nothing is seen still says nothing.
    """

    def __init__(self, net: nn.Module, channels: int) -> None:
        super().__init__()
        self.net = net
        self.num_features = 4 * channels

    def forward_features(self, x: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The net's grid and its products with the places."""
        grid = cast("GridNet", self.net).forward_features(x)
        height, width = grid.shape[2:]
        across, down = _centres(width).to(grid), _centres(height).to(grid)[:, None]
        places = (across.expand(height, width), down.expand(height, width), across**2 + down**2)
        return torch.cat([grid, *(grid * place for place in places)], 1)

    def forward_head(self, x: Float[Tensor, "b c h w"], pre_logits: bool = False) -> Float[Tensor, "b c"]:
        """Global average pooling."""
        return x.mean((2, 3))


def _centres(cells: int) -> Float[Tensor, " cells"]:
    """The cells' centres along one side, in [-1, 1]."""
    return (2 * torch.arange(cells) + 1) / cells - 1


def placed(trunk: GridTrunk) -> GridTrunk:
    """A trunk that shares its net with another one, and knows places besides."""
    net = Placed(trunk.net, len(trunk.mean))
    return GridTrunk(net, net.num_features, channels_last=False)
