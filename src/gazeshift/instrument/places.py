"""Places at the tap: what pooling would discard, kept as channels of their own."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.image import GridNet, GridTrunk

PLACES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"x": lambda x, y: x, "y": lambda x, y: y, "distance": lambda x, y: x**2 + y**2}
)
"""What can be said of a cell's place, from its coordinates in [-1, 1]; ``distance`` is that from the picture's centre, squared."""


class Placed(nn.Module):
    """A net's channels above those of an empty plate: as they are, and once more times each of some places of their cell.

    After pooling these are how much of a channel there is, and where, exactly, whatever the net has learned. Without the subtraction the
    empty plate would be multiplied by the places too.

    Args:
        net: with timm's two methods.
        empty: its mean grid of empty plates.
        places: names in ``PLACES``.
    """

    empty: Tensor

    def __init__(self, net: nn.Module, empty: Float[Tensor, "c h w"], places: Sequence[str]) -> None:
        super().__init__()
        self.net = net
        self.num_features = (1 + len(places)) * len(empty)
        self.places = [PLACES[name] for name in places]
        self.register_buffer("empty", empty)

    def forward_features(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The net's grid and its products with the places."""
        grid = cast("GridNet", self.net).forward_features(images) - self.empty
        height, width = grid.shape[2:]
        y, x = torch.meshgrid(_centres(height).to(grid), _centres(width).to(grid), indexing="ij")
        return torch.cat([grid, *(grid * place(x, y) for place in self.places)], 1)

    def forward_head(self, x: Float[Tensor, "b c h w"], pre_logits: bool = False) -> Float[Tensor, "b c"]:
        """Global average pooling."""
        return x.mean((2, 3))


def _centres(cells: int) -> Float[Tensor, " cells"]:
    """The cells' centres along one side, in [-1, 1]."""
    return (2 * torch.arange(cells) + 1) / cells - 1


def placed(trunk: GridTrunk, empty: Float[Tensor, "c h w"], places: Sequence[str]) -> GridTrunk:
    """A trunk that shares its net with another one, and knows places besides.

    Args:
        trunk: as built, with the identity affine.
        empty: its mean grid of empty plates.
        places: names in ``PLACES``.

    Example:
        >>> from gazeshift.data.plates import PlatesConfig
        >>> from gazeshift.instrument.oracle import oracle_trunk
        >>> trunk = oracle_trunk(PlatesConfig(size=48, n_dishes=4, n_colours=4))
        >>> placed(trunk, torch.zeros(16, 6, 6), ["x", "y"]).encode(torch.zeros(1, 3, 48, 48)).grid.shape
        torch.Size([1, 48, 6, 6])
    """
    net = Placed(trunk.net, empty, places)
    return GridTrunk(net, net.num_features, channels_last=False)
