"""InceptionV3 as Keras computes it, under a name of its own among timm's nets; imported with ``timm_nets``.

timm's has the same layers, but its 3x3 means count the zeros around the grid. TensorFlow's ``same`` padding does not: at the border its
means are over the 6 or 4 cells that exist.
"""

from typing import Any

from timm.models import generate_default_cfgs, register_model
from timm.models.inception_v3 import InceptionA, InceptionC, InceptionE, InceptionV3, inception_v3
from torch import Tensor, nn
from torch.nn import functional

default_cfgs = generate_default_cfgs(
    {
        "inception_v3_keras": {
            "input_size": (3, 299, 299),
            "pool_size": (8, 8),
            "first_conv": "Conv2d_1a_3x3.conv",
            "classifier": "fc",
        }
    }
)


class WithoutPadding(nn.Module):
    """What follows a 3x3 mean that counted the padding, given the mean that does not count it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, means: Tensor) -> Tensor:
        """Divide by the share of each mean's nine cells that exist."""
        present = functional.avg_pool2d(means.new_ones(1, 1, *means.shape[2:]), 3, stride=1, padding=1)
        return self.layer(means / present)


@register_model
def inception_v3_keras(pretrained: bool = False, **options: Any) -> InceptionV3:
    """The InceptionV3 of timm with means that leave the padding out.

    Example:
        >>> import timm, torch
        >>> net = timm.create_model("inception_v3_keras", num_classes=0).eval()
        >>> net(torch.zeros(1, 3, 96, 96)).shape
        torch.Size([1, 2048])
    """
    net = inception_v3(pretrained, **options)
    for block in net.modules():
        if isinstance(block, InceptionA | InceptionC | InceptionE):
            block.branch_pool = WithoutPadding(block.branch_pool)
    return net
