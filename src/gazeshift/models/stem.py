"""The first layers of a trunk, as a separate encoder."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.cut import Cut
from gazeshift.models.features import ImageFeatures


class Stem(nn.Module):
    """The layers of a trunk up to one of them: their output can be cached while the rest is trained.

    Args:
        parts: the trunk's net, cut at the last layer that belongs to the stem; the weights are the net's own.
        tapped: function from the net's output to the grid at the trunk's tap.
    """

    def __init__(self, parts: Cut, tapped: Callable[[Tensor], ImageFeatures]) -> None:
        super().__init__()
        self.before = parts.before
        self.layers = list(parts.layers_before)  # a plain list: they are modules of ``before`` already
        self._rest = (parts.after, tapped)  # a tuple: no modules of this one

    def encode(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """Images to the grid at the layer, in the net's own layout."""
        return ImageFeatures(self.before(images.contiguous(memory_format=torch.channels_last)))

    def finish(self, features: ImageFeatures) -> ImageFeatures:
        """From there to the trunk's tap."""
        after, tapped = self._rest
        return tapped(after(features.grid.contiguous(memory_format=torch.channels_last)))
