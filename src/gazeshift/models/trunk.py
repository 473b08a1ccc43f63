"""The interface of every image trunk: where its tap is, what follows it, and which of its parts can be changed or frozen."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.affine import Affine
from gazeshift.models.bottleneck import Attending
from gazeshift.models.features import ImageFeatures
from gazeshift.models.modes import evaluating
from gazeshift.models.stem import Stem


class Trunk(nn.Module, ABC):
    """An image trunk, split at its tap: ``encode`` up to the last spatial grid, ``pool`` from there to one vector per image.

    Callers use this interface and never check a trunk's type. The empty trunk implements it too.

    Attributes:
        mixes_cells: whether cells are known to act on each other after the tap, as they do in blocks of attention, so that their mean never
            tells all; where they are not, a classifier tries it.
        memory_format: in which ``encode`` hands images to ``emit``.
        emits_tokens: whether ``emit`` gives tokens, ``b n c``; else it gives a grid, ``b _ _ _`` in the net's own layout.
    """

    mixes_cells: ClassVar[bool]
    emits_tokens: ClassVar[bool]
    memory_format: ClassVar[torch.memory_format]

    @property
    @abstractmethod
    def affine(self) -> Affine:
        """The affine between the net's own grid and the tap; the identity if there can be none."""

    @abstractmethod
    def fix_affine(self, affine: Affine, size: int) -> None:
        """Put an affine before the tap, permanently.

        Args:
            affine: for the grid as it is now, before any affine.
            size: side of the input images in pixels.

        Raises:
            ModelError: what follows the tap does more than average, so an affine before it would change the model.
        """

    @abstractmethod
    def stem(self, layer: str) -> Stem | None:
        """The first layers, up to a named one, which can be frozen while the rest is trained; None where there is no layer at all.

        Raises:
            ModelError: the trunk cannot be cut there.
        """

    @abstractmethod
    def parts_in_order(self) -> list[nn.Module]:
        """The trunk's parts from the images on; none for the empty trunk."""

    @abstractmethod
    def parts_run(self) -> list[nn.Module]:
        """Every module that holds a layer which ``emit`` runs: the trunk, and graphs made from its layers."""

    @abstractmethod
    def emit(self, images: Float[Tensor, "b 3 H W"]) -> Tensor:
        """Images to what the net gives at the tap, in its own layout."""

    @abstractmethod
    def tapped(self, emitted: Tensor) -> ImageFeatures:
        """The same as the grid at the tap, in gazeshift's layout."""

    @abstractmethod
    def pool(self, features: ImageFeatures) -> Float[Tensor, "b d"]:
        """The rest of the trunk: from the tap to one vector per image."""

    @abstractmethod
    def attend(
        self, features: ImageFeatures, see: Callable[[Float[Tensor, "r d"]], Float[Tensor, "r m"]]
    ) -> Attending | None:
        """The attention after the tap through which alone the cells are heard; None if there is none such.

        Args:
            features: at the tap.
            see: what comes after ``pool``.
        """

    @abstractmethod
    def whole(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b d"]:
        """``pool(encode(images))`` as the net as published computes it: also what nothing reads."""

    def encode(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """Images to the grid at the tap."""
        return self.tapped(self.emit(images.to(memory_format=self.memory_format)))


def more_than_average() -> ModelError:
    """The error of a trunk that cannot have an affine."""
    return ModelError(
        "image.features: an affine before the tap needs a trunk that ends in a mean over its grid; use 'plain' for this trunk."
    )


def frozen_in_part() -> ModelError:
    """The error of a trunk without separately freezable first layers."""
    return ModelError(
        "frozen_until: needs a trunk other than a ViT, tapped at its last layer; leave frozen_until or image.tap out."
    )


def pools_first(trunk: Trunk, example: ImageFeatures) -> bool:
    """Whether a trunk averages its grid: does a random grid pool to the same vector as its mean?

    Args:
        trunk: any.
        example: what it gives at the tap for an image.
    """
    if trunk.mixes_cells:
        return False  # even where an untrained layer scale makes that too small to see
    grid = _random_like(example)
    means = grid.averaged()  # before anything else: a tail may work in place
    with evaluating(trunk), torch.no_grad():
        try:
            whole, averaged = trunk.pool(grid), trunk.pool(means)
        except RuntimeError:  # a tail that flattens takes one size of grid only
            return False
    return torch.allclose(whole, averaged, rtol=1e-4, atol=1e-5)


def _random_like(example: ImageFeatures) -> ImageFeatures:
    noise = torch.randn(2, *example.grid.shape[1:], generator=torch.Generator().manual_seed(0))
    return ImageFeatures(noise, None if example.prefix is None else example.prefix.expand(2, -1, -1))
