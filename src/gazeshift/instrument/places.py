"""Places at the tap: what pooling would discard, kept as channels of their own."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.image import GridNet, GridTrunk


class Placed(nn.Module):
    """A net's channels above those of an empty plate, four times: as they are, and times x, y and x^2 + y^2 of their cell.

    Coordinates are in [-1, 1]. After pooling these are how much of a channel there is, where (two), and how far from the picture's
    centre, exactly, whatever the net has learned. Without the subtraction the empty plate would be multiplied by the places too.

    Args:
        net: with timm's two methods.
        empty: its mean grid of empty plates.
    """

    empty: Tensor

    def __init__(self, net: nn.Module, empty: Float[Tensor, "c h w"]) -> None:
        super().__init__()
        self.net = net
        self.num_features = 4 * len(empty)
        self.register_buffer("empty", empty)

    def forward_features(self, x: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The net's grid and its products with the places."""
        grid = cast("GridNet", self.net).forward_features(x) - self.empty
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


def placed(trunk: GridTrunk, empty: Float[Tensor, "c h w"]) -> GridTrunk:
    """A trunk that shares its net with another one, and knows places besides.

    Args:
        trunk: as built, with the identity affine.
        empty: its mean grid of empty plates.

    Example:
        >>> from gazeshift.data.plates import PlatesConfig
        >>> from gazeshift.instrument.oracle import oracle_trunk
        >>> trunk = oracle_trunk(PlatesConfig(size=48, n_dishes=4, n_colours=4))
        >>> placed(trunk, torch.zeros(16, 6, 6)).encode(torch.zeros(1, 3, 48, 48)).grid.shape
        torch.Size([1, 64, 6, 6])
    """
    net = Placed(trunk.net, empty)
    return GridTrunk(net, net.num_features, channels_last=False)
