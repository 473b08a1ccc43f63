"""How the images of a third-party model can be changed: in the one tensor that holds them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models.adapters.inputs import Inputs, leaves, mapped, take

_COLOURS = 3
Looking = Callable[[Inputs, int, Int[Tensor, " t"]], Float[Tensor, "t m classes"]]
"""The inputs of m images, all in the place of one image, and text rows to logits."""


@dataclass(frozen=True, eq=False)
class TensorEye:
    """Images in one tensor ``b 3 h w`` of the inputs: ``gazeshift.models.adapters.bound_module.Eye``.

    Attributes:
        images: the model's image inputs.
        place: which of their leaves is the tensor.
        run: shows other images to the model.
    """

    images: Inputs
    place: int
    run: Looking

    def pixels(self, image: int) -> Float[Tensor, "3 H W"]:
        """The image as the model gets it."""
        found: Tensor = list(leaves(self.images))[self.place][image]
        return found

    def look(
        self, images: Float[Tensor, "m 3 H W"], image: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """Logits of changed images; what else the model takes of the image (a mask, metadata) stays."""
        others = take(self.images, torch.full((len(images),), image))
        number = iter(range(self.place + 1))
        changed = mapped(others, lambda leaf: images.to(leaf.dtype) if next(number, None) == self.place else leaf)
        return self.run(changed, image, text)


def tensor_eye(images: Inputs, run: Looking) -> TensorEye | None:
    """The eye of a model with exactly one tensor of colour pictures among its image inputs; None of any other.

    Example:
        >>> tensor_eye({"pixels": torch.zeros(2, 3, 8, 8), "ids": torch.zeros(2)}, None).pixels(1).shape
        torch.Size([3, 8, 8])
        >>> tensor_eye((torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)), None) is None
        True
    """
    places = [place for place, leaf in enumerate(leaves(images)) if _is_pictures(leaf)]
    return TensorEye(images, places[0], run) if len(places) == 1 else None


def _is_pictures(leaf: object) -> bool:
    return (
        isinstance(leaf, Tensor) and leaf.is_floating_point() and leaf.ndim == len("bchw") and leaf.shape[1] == _COLOURS
    )
