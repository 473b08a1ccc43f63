"""A trunk that sees perfectly: pictures painted in code colours, and a net with one indicator channel per kind of object.

With it the whole instrument runs without rendering and without convolutions, and failures cannot be the trunk's fault.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gazeshift.data.plates import PlatesConfig, Scene, label_map
from gazeshift.data.plates.vocabulary import COLOURS, DISHES
from gazeshift.models.image import GridTrunk
from gazeshift.preprocessing import Preprocessing

CELL = 8
"""Side of a cell of the oracle's grid in pixels."""


def oracle_preprocessing(size: int) -> Preprocessing:
    """Codes must pass through unchanged."""
    return Preprocessing(size=size, crop_fraction=1.0, mean=(0, 0, 0), std=(1, 1, 1), interpolation="nearest")


def code_picture(scene: Scene, without: int | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """The scene with every visible object painted in the code of its dish (red) and colour (green), counted from 1; 0 is background.

    Example:
        >>> from gazeshift.data.plates.scene import sample_scene
        >>> scene = sample_scene(PlatesConfig(size=48), "train", 0)
        >>> len(np.unique(code_picture(scene)[..., 0])) == 1 + len(scene.objects)
        True
    """
    codes = np.zeros((len(scene.objects) + 1, 3), np.uint8)
    for item in scene.objects:
        codes[item.index, :2] = DISHES.index(item.name) + 1, list(COLOURS).index(item.colour) + 1
    return codes[label_map(scene, without)]


class OracleNet(nn.Module):
    """One channel per dish and colour: at an object's cells, scaled so that the mean over the grid is 1 where the object is there.

    Args:
        config: the dishes and colours in use.
    """

    def __init__(self, config: PlatesConfig) -> None:
        super().__init__()
        self.dishes, self.colours = config.n_dishes, config.n_colours
        self.num_features = self.dishes * self.colours

    def forward_features(self, x: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The grid of cells of ``CELL`` pixels."""
        dish, colour = (channel.mul(255).round().long() for channel in x.unbind(1)[:2])
        kind = torch.where(dish * colour > 0, (dish - 1) * self.colours + colour, 0)
        shown = F.one_hot(kind, self.dishes * self.colours + 1)[..., 1:].permute(0, 3, 1, 2).to(x.dtype)
        share = F.avg_pool2d(shown, CELL)
        size = share.mean((2, 3), keepdim=True)
        return torch.where(size > 0, share / size.clamp(min=1e-6), 0)

    def forward_head(self, x: Float[Tensor, "b c h w"], pre_logits: bool = False) -> Float[Tensor, "b c"]:
        """Global average pooling."""
        return x.mean((2, 3))


def oracle_trunk(config: PlatesConfig) -> GridTrunk:
    """The oracle as a trunk of a classifier.

    Example:
        >>> config = PlatesConfig(size=48, n_dishes=4, n_colours=4)
        >>> oracle_trunk(config).encode(torch.zeros(1, 3, 48, 48)).grid.shape
        torch.Size([1, 16, 6, 6])
    """
    net = OracleNet(config)
    return GridTrunk(net, net.num_features, channels_last=False)
