"""Pictures through a frozen trunk, some at a time, and who computes them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch

from gazeshift.data.on_the_fly import Crops
from gazeshift.models import ImageFeatures, evaluating
from gazeshift.models.stem import Stem
from gazeshift.models.trunk import Trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.training.device import on_device


@dataclass(frozen=True, eq=False)
class Encoding:
    """The features of a split, some pictures at a time: ``encoding(0)`` to ``encoding(steps - 1)``.

    Attributes:
        trunk: or its first layers.
        images: crops.
        preprocessing: that of the study.
        pools_first: keep the mean over the grid only.
        batch_size: pictures per step.
        device: where the trunk is while it computes; None for the accelerator, if there is one.
    """

    trunk: Trunk | Stem
    images: Crops
    preprocessing: Preprocessing
    pools_first: bool
    batch_size: int
    device: torch.device | str | None = None

    @property
    def steps(self) -> int:
        """How many there are."""
        return -(-len(self.images) // self.batch_size)

    def __call__(self, step: int) -> ImageFeatures:
        """The features of some pictures, on the CPU."""
        rows = slice(step * self.batch_size, (step + 1) * self.batch_size)
        crops = torch.from_numpy(np.array(self.images[rows]))
        with evaluating(self.trunk), torch.inference_mode(), on_device(self.trunk, self.device) as there:
            features = self.trunk.encode(self.preprocessing.normalise(crops.to(there)))
            return (features.averaged() if self.pools_first else features).to("cpu")


Spread = Callable[[Encoding], Generator[ImageFeatures, None, None]]
"""All steps of an encoding, in order, wherever they are computed."""
