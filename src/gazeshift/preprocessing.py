"""From a picture to the array a model sees: one square crop, one normalisation, the same for data and models."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from gazeshift.errors import ConfigError
from gazeshift.json_types import Json
from gazeshift.reduced import Box, edges_of

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
REDUCED = 2.0
"""A picture that its decoder reduces keeps at least this many pixels for each of the crop, so that the crop looks the same."""
_CHOICES = {"fit": ("crop", "squeeze"), "channels": ("rgb", "bgr")}
"""Choices made by name, the usual one first; what is as usual is not written, so that models and results of before stay as they are."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a model's input. Stored with every model; one for all models of a study.

    The crop is the square of side ``crop_fraction * min(width, height)`` around the image's centre, resampled in one
    step to ``size x size``. That equals "resize the short side to ``size / crop_fraction``, then cut the centre", but
    without rounding the intermediate size, so the crop's place in the original image is known exactly (``box``).
    Maps are drawn on this crop.

    Attributes:
        size: side of the model's input in pixels.
        crop_fraction: side of the crop as a share of the image's short side, in (0, 1].
        mean: per channel (red, green, blue), on the scale 0 to 1.
        std: per channel, on the scale 0 to 1.
        interpolation: ``nearest``, ``bilinear``, ``bicubic`` or ``lanczos`` (antialiased, except ``nearest``).
        fit: ``crop``, the square above; or ``squeeze``, the whole picture (its middle, if ``crop_fraction`` is below 1) made square without
            keeping its proportions, as Keras' loaders do.
        channels: order of the colours in the model's input, ``rgb`` or ``bgr``; ``mean`` and ``std`` stay in the order red, green, blue.

    Raises:
        ConfigError: a value out of range.

    Example:
        >>> preprocessing = Preprocessing(size=224)
        >>> preprocessing.crop(Image.new("RGB", (640, 480), "white")).shape
        (3, 224, 224)
        >>> preprocessing.box(640, 480)
        (110.0, 30.0, 530.0, 450.0)
    """

    size: int
    crop_fraction: float = 0.875
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    fit: str = "crop"
    channels: str = "rgb"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(
                f"preprocessing.size: {self.size} is not a size in pixels; give a whole number of 1 or more."
            )
        if not 0 < self.crop_fraction <= 1:
            raise ConfigError(f"preprocessing.crop_fraction: {self.crop_fraction} is not in (0, 1].")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ConfigError("preprocessing.mean, preprocessing.std: give three numbers each, std above 0.")
        if self.interpolation not in INTERPOLATIONS:
            raise ConfigError(
                f"preprocessing.interpolation: unknown {self.interpolation!r}. Known: {', '.join(INTERPOLATIONS)}."
            )
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"preprocessing.{name}: unknown {getattr(self, name)!r}. Known: {', '.join(known)}.")

    @property
    def enough(self) -> int | None:
        """Length in pixels of a picture's shorter side that a decoder may reduce it to (``decode(at_least=...)``); None: not at all.

        ``nearest`` picks single pixels, so it needs the picture's own.

        Example:
            >>> Preprocessing(size=224).enough
            512
        """
        return None if self.interpolation == "nearest" else math.ceil(REDUCED * self.size / self.crop_fraction)

    def box(self, width: int, height: int) -> Box:
        """Left, top, right and bottom edge of the crop, in pixels of an image of ``width x height``."""
        return self._box((0, 0, width, height))

    def box_in(self, image: Image.Image) -> Box:
        """The crop's edges in an image, which its decoder may have reduced."""
        return self._box(edges_of(image))

    def _box(self, whole: Box) -> Box:
        left, top, right, bottom = whole
        width, height = right - left, bottom - top
        if self.fit == "crop":
            width = height = min(width, height)
        width, height = self.crop_fraction * width, self.crop_fraction * height
        left, top = (left + right - width) / 2, (top + bottom - height) / 2
        return left, top, left + width, top + height

    def crop_image(self, image: Image.Image, interpolation: str | None = None) -> Image.Image:
        """The crop as a picture of ``size x size`` in the image's own mode, to draw on or to cut a mask alike.

        Args:
            image: any size and mode.
            interpolation: instead of the preprocessing's own; ``nearest`` for label maps.
        """
        resample = INTERPOLATIONS[interpolation or self.interpolation]
        return image.resize((self.size, self.size), resample, box=self.box_in(image))

    def crop(self, image: Image.Image) -> UInt8[np.ndarray, "3 size size"]:
        """The crop of an RGB image, channels first, 0 to 255; in memory the channels come last, as in the picture."""
        return np.array(self.crop_image(image.convert("RGB"))).transpose(2, 0, 1)

    def normalise(self, images: UInt8[Tensor, "b 3 H W"]) -> Float[Tensor, "b 3 H W"]:
        """``(images / 255 - mean) / std`` in float32 and channels_last, on the images' device, with the model's order of colours.

        Example:
            >>> preprocessing = Preprocessing(size=2, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
            >>> preprocessing.normalise(torch.tensor([0, 255], dtype=torch.uint8).expand(1, 3, 1, 2))[0, 0]
            tensor([[-1.,  1.]])
        """
        scale = torch.tensor([1 / (255 * std) for std in self.std], device=images.device)
        shift = torch.tensor([-mean / std for mean, std in zip(self.mean, self.std, strict=True)], device=images.device)
        # Layout first, while a pixel is a byte; then one new tensor, not three.
        laid_out = images.contiguous(memory_format=torch.channels_last)
        scaled = (laid_out * scale.view(1, 3, 1, 1)).add_(shift.view(1, 3, 1, 1))
        return scaled if self.channels == "rgb" else scaled.flip(1)

    def to_dict(self) -> Json:
        """Plain numbers, lists and strings, for JSON or YAML; without choices that were always so before there was a choice.

        Example:
            >>> "channels" in Preprocessing(size=64).to_dict(), Preprocessing(size=64, channels="bgr").to_dict()["channels"]
            (False, 'bgr')
        """
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in values.items() if key not in _CHOICES or value != _CHOICES[key][0]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of ``to_dict``.

        Raises:
            ConfigError: an unknown or missing key, or a value out of range.

        Example:
            >>> Preprocessing.from_dict(Preprocessing(size=64).to_dict()) == Preprocessing(size=64)
            True
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"preprocessing: unknown key {unknown[0]!r}. Known: {', '.join(known)}.")
        if "size" not in values:
            raise ConfigError("preprocessing: the key 'size' is missing; give the side of the input in pixels.")
        try:
            numbers = {key: tuple(map(float, values[key])) for key in ("mean", "std") if key in values}
            return cls(**{**values, **numbers})
        except TypeError as error:
            raise ConfigError(f"preprocessing: a value has the wrong type ({error}).") from None
