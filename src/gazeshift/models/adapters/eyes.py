"""How the images of a third-party model can be changed: in the one tensor that holds them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from gazeshift.models.adapters.bound_module import Looking
from gazeshift.models.adapters.inputs import Inputs, leaves, mapped, take

_COLOURS = 3


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


@dataclass(frozen=True, eq=False)
class PictureEye:
    """Images as pictures, for models that cut them into tiles or patches themselves.

    Attributes:
        views: what its map covers of each picture.
        seen: left, upper, right and lower edge of the picture in its view; the rest is padding that the model adds itself.
        mean: the mean colour of the model's normalisation, 0 to 1.
        read: a picture to the model's image inputs.
        run: shows other images to the model.
    """

    views: Sequence[Image.Image]
    seen: Sequence[tuple[int, int, int, int]]
    mean: Sequence[float]
    read: Callable[[Image.Image], Inputs]
    run: Looking

    def pixels(self, image: int) -> Float[Tensor, "3 H W"]:
        """The view, 0 to 1, without the mean colour."""
        return torch.from_numpy(np.asarray(self.views[image], np.float32).transpose(2, 0, 1).copy()) / 255 - self._mean

    def look(
        self, images: Float[Tensor, "m 3 H W"], image: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """Logits of changed pictures, rounded to 8 bits."""
        shades = ((images.float().cpu() + self._mean) * 255).round().clamp(0, 255).to(torch.uint8)
        pictures = [Image.fromarray(shade.numpy().transpose(1, 2, 0)).crop(self.seen[image]) for shade in shades]
        return torch.cat([self.run(self.read(picture), image, text) for picture in pictures], dim=1)

    @property
    def _mean(self) -> Float[Tensor, "3 1 1"]:
        return torch.tensor(self.mean, dtype=torch.float32)[:, None, None]


def tensor_eye(images: Inputs, run: Looking) -> TensorEye | None:
    """The eye of a model with exactly one tensor of colour pictures among its image inputs; None of any other.

    Example:
        >>> looking = lambda images, image, text: torch.zeros(1, 1, 2)
        >>> tensor_eye({"pixels": torch.zeros(2, 3, 8, 8), "ids": torch.zeros(2)}, looking).pixels(1).shape
        torch.Size([3, 8, 8])
        >>> tensor_eye((torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)), looking) is None
        True
    """
    places = [place for place, leaf in enumerate(leaves(images)) if _is_pictures(leaf)]
    return TensorEye(images, places[0], run) if len(places) == 1 else None


def _is_pictures(leaf: object) -> bool:
    return (
        isinstance(leaf, Tensor) and leaf.is_floating_point() and leaf.ndim == len("bchw") and leaf.shape[1] == _COLOURS
    )
