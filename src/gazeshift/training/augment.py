"""Augmentations of uint8 crops and their texts, a whole batch at a time; random by (seed, epoch, key) only."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, UInt8
from torch import Tensor

Part = TypeVar("Part")
ImageChange = Callable[[UInt8[Tensor, "b 3 H W"], Float[Tensor, "b k"]], UInt8[Tensor, "b 3 H W"]]
TextChange = Callable[[list[str], Float[Tensor, "b k"]], list[str]]

_DIRECTION = re.compile(r"\b(left|right)(?=(?:most|wards?)?\b)", re.IGNORECASE)


def unchanged(part: Part, uniform: Float[Tensor, "b k"]) -> Part:
    """The part unchanged."""
    return part


@dataclass(frozen=True)
class Augmentation:
    """A random augmentation of pairs.

    Attributes:
        count: uniform numbers that one pair needs; images and texts of a pair get the same ones.
        images: the change of the images; ``unchanged`` where they stay.
        texts: the change of the texts; ``unchanged`` where they stay.
    """

    count: int = 0
    images: ImageChange = unchanged
    texts: TextChange = unchanged

    @property
    def changes_images(self) -> bool:
        """Whether features of the images cannot be computed once."""
        return self.images is not unchanged

    @property
    def changes_texts(self) -> bool:
        """Whether vectors of the texts cannot be computed once."""
        return self.texts is not unchanged


def flip(images: UInt8[Tensor, "b 3 H W"], uniform: Float[Tensor, "b k"]) -> UInt8[Tensor, "b 3 H W"]:
    """Mirror every second image, by its first number.

    Example:
        >>> image = torch.tensor([0, 1], dtype=torch.uint8).expand(2, 3, 1, 2)
        >>> flip(image, torch.tensor([[0.2], [0.7]]))[:, 0, 0].tolist()
        [[1, 0], [0, 1]]
    """
    return torch.where(_mirrored(uniform)[:, None, None, None], images.flip(3), images)


def swap_directions(text: str) -> str:
    """Left becomes right and right becomes left, each in the case it was written in.

    Every such word is swapped, even if it is not a direction ("right away"); words that only contain one ("bright") are not.

    Example:
        >>> swap_directions("LEFT of the bright plate, Rightmost bowl")
        'RIGHT of the bright plate, Leftmost bowl'
    """
    return _DIRECTION.sub(_other, text)


def flip_words(texts: list[str], uniform: Float[Tensor, "b k"]) -> list[str]:
    """Swap the direction words of the texts whose image ``flip`` mirrors."""
    mirrored = _mirrored(uniform).tolist()
    return [swap_directions(text) if turn else text for text, turn in zip(texts, mirrored, strict=True)]


def gallo(images: UInt8[Tensor, "b 3 H W"], uniform: Float[Tensor, "b k"]) -> UInt8[Tensor, "b 3 H W"]:
    """Gallo et al. 2020, image-only model: shift by up to 0.2 of the side, flip, zoom in to 0.8-1, channel shift by up to 30.

    As in Keras' ``ImageDataGenerator``: shift and zoom (a factor per axis) in one bilinear resampling, beyond the border its mirror
    image; the channel shift adds one number to all three channels and stays within the image's own darkest and brightest value.
    """
    shift_x, shift_y = ((uniform[:, i] * 2 - 1) * 0.2 for i in (1, 2))
    zoom_x, zoom_y = (0.8 + 0.2 * uniform[:, i] for i in (3, 4))
    level = (uniform[:, 5] * 2 - 1) * 30
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = torch.where(_mirrored(uniform), -zoom_x, zoom_x)
    theta[:, 1, 1] = zoom_y
    # grid_sample's coordinates span 2 over the image, so a share of the side counts twice.
    theta[:, 0, 2], theta[:, 1, 2] = 2 * shift_x, 2 * shift_y
    moved = _resampled(images, theta, "reflection")
    low, high = moved.amin((1, 2, 3), keepdim=True), moved.amax((1, 2, 3), keepdim=True)
    shifted = torch.minimum(torch.maximum(moved + level[:, None, None, None], low), high)
    return shifted.round().to(torch.uint8)


def crop(images: UInt8[Tensor, "b 3 H W"], uniform: Float[Tensor, "b k"]) -> UInt8[Tensor, "b 3 H W"]:
    """A random part of the image, resampled to its size, every second one mirrored.

    As in torchvision's ``RandomResizedCrop``: 35 to 100 % of the area (the usual 8 % would often lose what the text names), width over
    height between 3:4 and 4:3, evenly on a logarithmic scale, never beyond the border.

    Example:
        >>> image = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2)
        >>> torch.equal(crop(image, torch.tensor([[0.9, 1.0, 0.5, 0.5, 0.5]])), image)
        True
    """
    area, stretch = 0.35 + 0.65 * uniform[:, 1], (4 / 3) ** (uniform[:, 2] - 0.5)
    width, height = ((area.sqrt() * side).clamp(max=1) for side in (stretch, 1 / stretch))
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = torch.where(_mirrored(uniform), -width, width), height
    theta[:, 0, 2], theta[:, 1, 2] = (1 - width) * (2 * uniform[:, 3] - 1), (1 - height) * (2 * uniform[:, 4] - 1)
    return _resampled(images, theta, "border").round().to(torch.uint8)


def _resampled(
    images: UInt8[Tensor, "b 3 H W"], theta: Float[Tensor, "b 2 3"], beyond: str
) -> Float[Tensor, "b 3 H W"]:
    """Bilinear; ``beyond`` the image lies its last pixel (``border``) or its mirror image (``reflection``)."""
    places = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), places, mode="bilinear", padding_mode=beyond, align_corners=False)


def _mirrored(uniform: Float[Tensor, "b k"]) -> Tensor:
    return uniform[:, 0] < 0.5


def _other(found: re.Match[str]) -> str:
    word = found.group()
    other = "right" if word.lower() == "left" else "left"
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(),
    "flip": Augmentation(1, images=flip),
    "flip-words": Augmentation(1, images=flip, texts=flip_words),
    "crop": Augmentation(5, images=crop, texts=flip_words),
    "gallo": Augmentation(6, images=gallo),
}
