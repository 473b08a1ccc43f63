"""Any object with ``encode_image``, ``encode_text`` and ``classify``: nothing to hook, the text-free trunk is known."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.models.adapters.finding import Trial, layout_of
from gazeshift.models.adapters.inputs import Inputs, count, take
from gazeshift.models.adapters.layouts import Layout, LayoutRule, grids_of, placed, places_of, rows_first
from gazeshift.models.adapters.protocol import Bound
from gazeshift.models.adapters.reading import readable
from gazeshift.models.modes import evaluating


@runtime_checkable
class ThreeParts(Protocol):
    """A model in three parts, with its own types of features, one row per image or text."""

    def encode_image(self, images: Any) -> Tensor:
        """Images to the grid at the tap."""

    def encode_text(self, texts: Any) -> Any:
        """Texts to features: tensors in any nesting."""

    def classify(self, image: Any, text: Any) -> Tensor:
        """Grid and text features to logits, row by row."""


@dataclass(frozen=True, eq=False)
class SplitModel:
    """What ``split`` makes."""

    model: ThreeParts
    grid: str | Layout | LayoutRule | None
    pools_first: bool

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """Inputs as tensors where the model computes."""
        parts = _modules(self.model)
        return readable(images, "image", parts), readable(texts, "text", parts)

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> Bound:
        """Run both encoders once."""
        parts = _modules(self.model)
        with evaluating(parts), torch.inference_mode(False), torch.no_grad():
            rows = count(images, "image")
            features = self.model.encode_image(take(images, torch.arange(rows)))
            encoded = self.model.encode_text(texts)
            trial = Trial(images, rows, parts, None, self.model.encode_image)
            layout = layout_of(self.grid, features, "encode_image", trial)
            every = grids_of(placed(layout, images, texts), features, rows, "encode_image").float()

        def tail(grid: Float[Tensor, "r c h w"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]) -> Tensor:
            chosen = take(images, image)
            here = placed(layout, chosen, take(texts, text))
            if rows_first(here):
                whole = features[image]
            else:  # rows of a folded output cannot be picked from it
                with torch.no_grad():
                    whole = self.model.encode_image(chosen)
            # With pooling first the grid has one cell: there is nothing of the original to keep around it.
            return self.model.classify(here.write(whole, grid.to(whole.dtype)), take(encoded, text))

        places = places_of(layout, features)
        return Bound(parts, tail, every, count(encoded, "text"), image_index, self.pools_first, places)


def split(model: ThreeParts, grid: str | Layout | LayoutRule | None = None, pools_first: bool = False) -> SplitModel:
    """Explain any object that has the three parts; it need not be a module or know gazeshift.

    Args:
        model: ``encode_image(images)`` gives the grid, ``encode_text(texts)`` anything with one row per text, and
            ``classify(grid, text)`` logits ``(rows, classes)``.
        grid: layout of ``encode_image``'s result, told from its shape if None.
        pools_first: say True where ``classify`` depends on the grid through its mean over the cells alone (global average pooling
            comes first): 1,000 texts then cost hardly more than one.

    Example:
        >>> class Mine:
        ...     def encode_image(self, images):
        ...         return torch.nn.functional.avg_pool2d(images, 4)
        ...     def encode_text(self, texts):
        ...         return torch.tensor([[float(len(text))] for text in texts])
        ...     def classify(self, image, text):
        ...         return image.mean((2, 3)) * text
        >>> index = torch.zeros(1, dtype=torch.long)
        >>> split(Mine()).bind(torch.rand(1, 3, 8, 8), ["soup"], index, index).image.grid.shape
        torch.Size([1, 3, 2, 2])
    """
    return SplitModel(model, grid, pools_first)


def _modules(model: object) -> nn.Module:
    """The modules an object is or holds: they are put in evaluation mode for a while."""
    if isinstance(model, nn.Module):
        return model
    return nn.ModuleList([value for value in vars(model).values() if isinstance(value, nn.Module)])
