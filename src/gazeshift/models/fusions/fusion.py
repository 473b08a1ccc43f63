"""What a fusion is: from the image at the tap and the encoded text to logits; and what it declares about itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import ImageFeatures, TextFeatures

Pool = Callable[[ImageFeatures], Float[Tensor, "b v"]]
"""The rest of the trunk: from the grid at the tap to one vector per image."""

Gaze = tuple[Tensor, ...]
"""The gaze of a text in a forward pass: tensors with a row for each pair of image and text."""

Said = TypeVar("Said")
"""A text, encoded or already read."""

Mediator = Literal[
    "attention over the grid",
    "scales of the channels",
    "gates of the channels",
    "gates of the hidden layer",
    "gates of the cells",
    "weight of the image",
]
"""What a fusion's gaze is."""


@dataclass(frozen=True)
class Structure:
    """What a fusion can do, known from its structure alone.

    Attributes:
        sees_image: whether the logits depend on the image.
        reads_text: whether the logits depend on the text.
        additive: logits are a function of the image plus a function of the text, so that for a fixed class the text cannot move the map.
        sentence: the same in words.
        text: what is read of a text: one vector for all of it, or one for each of its tokens.
        reference: where the fusion was described.
        mediator: what in the forward pass is the text's gaze and can be taken from another text (``Fusion.gazing``); None if nothing is.
    """

    sees_image: bool
    reads_text: bool
    additive: bool
    sentence: str
    text: Literal["pooled", "tokens"] = "pooled"
    reference: str = ""
    mediator: Mediator | None = None


@dataclass(frozen=True)
class Widths:
    """What a fusion is built for.

    Attributes:
        vector: width of an image's vector after the trunk's own pooling.
        channels: of the grid at the tap.
        cells: of that grid.
        text: width of a text's vector, and of each of its tokens'.
        classes: number of logits.
    """

    vector: int
    channels: int
    cells: int
    text: int
    classes: int


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


@dataclass(frozen=True, eq=False)
class Space:
    """One space of images and texts.

    Attributes:
        image: an image's vector to its direction.
        text: a text to its direction.
        scale: what cosines are multiplied with.
    """

    image: Callable[[Float[Tensor, "b v"]], Float[Tensor, "b m"]]
    text: Callable[[TextFeatures], Float[Tensor, "t m"]]
    scale: Callable[[], Float[Tensor, ""]]

    def similarity(self, vector: Float[Tensor, "b v"], text: TextFeatures) -> Float[Tensor, "b t"]:
        """Every image with every text: the cosine of their directions, scaled."""
        return self.scale() * self.image(vector) @ self.text(text).T


@dataclass(frozen=True, eq=False)
class Gazing(Generic[Said]):
    """A forward pass in two steps: the text's gaze, and the answer with a gaze that may be another text's.

    With the text's own gaze, the answer is that of ``forward``, bit by bit.

    Attributes:
        gaze: from what the text meets (``Fusion.meet``) and the text to its gaze.
        answer: from both and a gaze to logits.
    """

    gaze: Callable[[Tensor, Said], Gaze]
    answer: Callable[[Tensor, Said, Gaze], Float[Tensor, "b classes"]]


class Fusion(nn.Module, ABC):
    """From the image at the tap and the text to logits.

    Attributes:
        gates: the hidden ReLU layer over image and text; None for a fusion that does not have exactly one.
        gazing: the pass split at the text's gaze, which ``Structure.mediator`` names; None for a fusion without one.
        space: where images and texts can be compared; None for a fusion without such a space.
        amplification: how many times higher the noise level of its maps is than that of layers with ReLUs alone, because its slopes depend
            on rounded numbers (gates, products, logarithms, norms). ``tests/saliency/test_noise.py`` compares with double precision.
    """

    gates: Gates | None = None
    gazing: Gazing[TextFeatures] | None = None
    space: Space | None = None
    amplification: float = 4.0

    @property
    @abstractmethod
    def pooled(self) -> "PooledFusion | None":
        """This fusion, if all that it knows of the image is the trunk's pooled vector; else None."""

    @abstractmethod
    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits.

        Args:
            image: at the tap.
            pool: the rest of the trunk.
            text: encoded.
        """

    @abstractmethod
    def meet(self, image: ImageFeatures, pool: Pool) -> Float[Tensor, "b ..."]:
        """What the text meets of the image: all that ``forward`` does before the text comes in."""


class PooledFusion(Fusion):
    """A fusion that meets the image as one vector, so that maps of any number of texts have a closed form."""

    @property
    def pooled(self) -> "PooledFusion":
        """Itself."""
        return self

    @abstractmethod
    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """All that is done with the image before the text comes in: the vector that the text meets."""

    @abstractmethod
    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of what ``see`` gave, with the text."""

    def forward(self, image: ImageFeatures, pool: Pool, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits."""
        return self.fuse(self.see(pool(image)), text)

    def meet(self, image: ImageFeatures, pool: Pool) -> Float[Tensor, "b m"]:
        """What ``see`` gives."""
        return self.see(pool(image))


class GridFusion(Fusion):
    """A fusion in which the text meets the cells of the grid."""

    @property
    def pooled(self) -> None:
        """None: it reads the grid."""

    def meet(self, image: ImageFeatures, pool: Pool) -> Float[Tensor, "b cells c"]:
        """The cells."""
        return cells_of(image)


def cells_of(image: ImageFeatures) -> Float[Tensor, "b cells c"]:
    """The grid as a row of cells.

    Example:
        >>> import torch
        >>> cells_of(ImageFeatures(torch.zeros(2, 3, 4, 5))).shape
        torch.Size([2, 20, 3])
    """
    return image.grid.flatten(2).transpose(1, 2)
