"""A small convolutional network that learns Plates in a minute on two cores, with timm's two methods."""

from typing import no_type_check

import torch
from jaxtyping import Float
from torch import Tensor, nn


def _block(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    padding = (kernel - stride + 1) // 2  # the output has exactly 1 / stride of the input's size
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class Coordinates(nn.Module):
    """Appends pixel coordinates: two constant channels, x and y of each pixel's centre in [-1, 1] (Liu et al., "CoordConv", 2018)."""

    def forward(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d H W"]:
        """The images with two more channels."""
        height, width = images.shape[2:]
        y = (2 * torch.arange(height, dtype=images.dtype, device=images.device) + 1) / height - 1
        x = (2 * torch.arange(width, dtype=images.dtype, device=images.device) + 1) / width - 1
        shape = (len(images), 1, height, width)
        return torch.cat([images, x[None, :].expand(shape), y[:, None].expand(shape)], dim=1)


class SmallCNN(nn.Module):
    """Six convolutions with batch norm and ReLU, stride 16 in all: 4 x 4 stem, then to 64, 64, 128, 128 channels, 1 x 1 to 256.

    Strides of 2 have 4 x 4 kernels, which centre a cell on its own position. With 3 x 3 kernels every cell would look half a pixel
    up and left at each halving, and maps would be displaced from their objects.

    An image of 96 px becomes a grid of 256 channels, 6 x 6.

    Args:
        coordinates: let the first convolution also see pixel coordinates; pooling discards positions, and such a net can keep them.
        local: kernels as wide as their strides, so that a cell sees only its own 16 x 16 px (else 88 x 88): its features are
            about its own position.

    Example:
        >>> import torch
        >>> SmallCNN().forward_features(torch.zeros(1, 3, 96, 96)).shape
        torch.Size([1, 256, 6, 6])
    """

    num_features = 256

    def __init__(self, coordinates: bool = False, local: bool = False) -> None:
        super().__init__()
        same, half = (1, 2) if local else (3, 4)
        self.before = Coordinates() if coordinates else nn.Identity()
        self.features = nn.Sequential(
            _block(5 if coordinates else 3, 32, kernel=4, stride=4),
            _block(32, 64, kernel=half, stride=2),
            _block(64, 64, kernel=same),
            _block(64, 128, kernel=half, stride=2),
            _block(128, 128, kernel=same),
            _block(128, 256, kernel=1),
        )

    @no_type_check  # a cut at an earlier layer traces it with what is no tensor
    def forward_features(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The grid at the end of the trunk."""
        return self.features(self.before(images))

    def forward_head(self, grid: Float[Tensor, "b c h w"], pre_logits: bool = True) -> Float[Tensor, "b c"]:
        """Global average pooling; without a classifier."""
        return grid.mean((2, 3))
