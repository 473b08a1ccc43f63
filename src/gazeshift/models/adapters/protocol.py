"""The interface of a third-party model at one of its layers, for inputs in its own form."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor, nn

from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.inputs import Inputs


@runtime_checkable
class Outside(Protocol):
    """A third-party model: bind it to inputs to get what the probe needs."""

    @property
    def modules(self) -> nn.Module:
        """All modules that take part."""

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """Inputs in any form, converted for ``bind``: tensors, and only what the model takes."""

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> BoundModule:
        """Run the trunk for the requested combinations, and compute the logits of each once.

        Args:
            images: one row per image.
            texts: one row per text; None if there are none.
            image_index: the image of each combination.
            text_index: the text of each combination.
        """
