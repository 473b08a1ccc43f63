"""Heads: from the pooled image and the text to logits. One dict of them.

The early fusion is that of Gallo et al., "Image and Text fusion for UPMC Food-101 using BERT and CNNs" (IVCNZ 2020): the image vector
through a linear layer of 128, concatenated with the text vector, then a layer of 256 with ReLU, then the classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import TextFeatures
from gazeshift.models.spec import HeadSpec


@dataclass(frozen=True)
class Structure:
    """What a head can do, known from its structure alone.

    Attributes:
        sees_image: whether the logits depend on the image.
        reads_text: whether the logits depend on the text.
        additive: logits are a function of the image plus a function of the text, so that for a fixed class the text cannot move the map.
        sentence: the same in words.
    """

    sees_image: bool
    reads_text: bool
    additive: bool
    sentence: str


@dataclass(frozen=True, eq=False)
class Gates:
    """One hidden ReLU layer over image and text: only through its gates can a text re-weight the image.

    Attributes:
        joined: function from image and text vectors to the layer's input.
        first: the map to the hidden units.
        last: the map from the units to the logits.
    """

    joined: Callable[[Float[Tensor, "b v"], TextFeatures], Float[Tensor, "b d"]]
    first: nn.Linear
    last: nn.Linear

    def hidden(self, image: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b hidden"]:
        """The ReLU's input, unit by unit: a gate is open where this is above 0."""
        return self.first(self.joined(image, text))


class FusionHead(nn.Module, ABC):
    """From the pooled image and the text to logits."""

    @property
    @abstractmethod
    def gates(self) -> Gates | None:
        """The hidden ReLU layer over image and text; None for a head that does not have exactly one."""

    @abstractmethod
    def see(self, image: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """All that is done with the image before the text comes in: the vector that the text meets."""

    @abstractmethod
    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of what ``see`` gave, with the text."""

    def forward(self, image: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        return self.fuse(self.see(image), text)


class ImageHead(FusionHead):
    """Logits from the image alone."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    @property
    def gates(self) -> None:
        """None: the text has no influence."""

    def see(self, image: Float[Tensor, "b v"]) -> Float[Tensor, "b classes"]:
        """The logits."""
        return self.layers(image)

    def fuse(self, seen: Float[Tensor, "b classes"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """The text is accepted and ignored: an image-only model is a fusion that does not use it."""
        return seen


class TextHead(FusionHead):
    """Logits from the text alone."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    @property
    def gates(self) -> None:
        """None: the image has no influence."""

    def see(self, image: Float[Tensor, "b v"]) -> Float[Tensor, "b v"]:
        """The image, unchanged."""
        return image

    def fuse(self, seen: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """The image is accepted and ignored."""
        return self.layers(text.pooled)


class ConcatenationHead(FusionHead):
    """Early fusion: image and text vectors are concatenated, then classified together."""

    def __init__(self, image: nn.Sequential, joint: nn.Sequential) -> None:
        super().__init__()
        self.image = image
        self.joint = joint

    @property
    def gates(self) -> Gates | None:
        """The layer, if the joint layers are two with a ReLU between them."""
        match list(self.joint):
            case [nn.Linear() as first, nn.ReLU(), nn.Linear() as last]:
                return Gates(self.joined, first, last)
        return None

    def joined(self, image: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b d"]:
        """The concatenated vector."""
        return torch.cat([self.see(image), text.pooled], dim=1)

    def see(self, image: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The image's half of the concatenated vector."""
        return self.image(image)

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the concatenated vector."""
        return self.joint(torch.cat([seen, text.pooled], dim=1))


class LateHead(FusionHead):
    """Late fusion: the mean of an image tower's and a text tower's logits."""

    def __init__(self, image: nn.Sequential, text: nn.Sequential) -> None:
        super().__init__()
        self.image = image
        self.text = text

    @property
    def gates(self) -> None:
        """None: the hidden layer sees only the text."""

    def see(self, image: Float[Tensor, "b v"]) -> Float[Tensor, "b classes"]:
        """The image tower's logits."""
        return self.image(image)

    def fuse(self, seen: Float[Tensor, "b classes"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Mean of the two towers' logits."""
        return (seen + self.text(text.pooled)) / 2


def _linear(width: int, classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))


def _mlp(width: int, classes: int, spec: HeadSpec) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(spec.dropout), nn.Linear(width, spec.hidden), nn.ReLU(), nn.Linear(spec.hidden, classes)
    )


def _image_linear(spec: HeadSpec, image: int, text: int, classes: int) -> FusionHead:
    return ImageHead(_linear(image, classes, spec.dropout))


def _image_mlp(spec: HeadSpec, image: int, text: int, classes: int) -> FusionHead:
    return ImageHead(_mlp(image, classes, spec))


def _text_mlp(spec: HeadSpec, image: int, text: int, classes: int) -> FusionHead:
    return TextHead(_mlp(text, classes, spec))


def _early_linear(spec: HeadSpec, image: int, text: int, classes: int) -> FusionHead:
    return ConcatenationHead(nn.Sequential(nn.Dropout(spec.dropout)), nn.Sequential(nn.Linear(image + text, classes)))


def _early_mlp(spec: HeadSpec, image: int, text: int, classes: int) -> FusionHead:
    narrow: list[nn.Module] = [nn.Dropout(spec.dropout)]
    width = image
    if spec.image_width:
        narrow.append(nn.Linear(image, spec.image_width))
        width = spec.image_width
    joint = nn.Sequential(nn.Linear(width + text, spec.hidden), nn.ReLU(), nn.Linear(spec.hidden, classes))
    return ConcatenationHead(nn.Sequential(*narrow), joint)


def _late(spec: HeadSpec, image: int, text: int, classes: int) -> FusionHead:
    return LateHead(_linear(image, classes, spec.dropout), _mlp(text, classes, spec))


@dataclass(frozen=True)
class Head:
    """How a head is built (from its spec, image width, text width, number of classes) and its properties."""

    build: Callable[[HeadSpec, int, int, int], FusionHead]
    structure: Structure


_IMAGE = "This model reads no text: the text cannot change its map."
_ADDITIVE = (
    "The logits are a function of the image plus a function of the text: for a fixed class the text cannot move the map; "
    "only the predicted class can switch."
)
_RELU = (
    "A ReLU layer sees image and text together: the text can re-weight the image's channels through the layer's gates, "
    "and it can switch the predicted class."
)

HEADS: dict[str, Head] = {
    "image-only": Head(_image_linear, Structure(True, False, True, _IMAGE)),
    "image-mlp": Head(_image_mlp, Structure(True, False, True, _IMAGE)),
    "text-only": Head(_text_mlp, Structure(False, True, True, "This model sees no image: it has no map.")),
    "early-linear": Head(_early_linear, Structure(True, True, True, _ADDITIVE)),
    "early-fusion": Head(_early_mlp, Structure(True, True, False, _RELU)),
    "late-fusion": Head(_late, Structure(True, True, True, _ADDITIVE)),
}
