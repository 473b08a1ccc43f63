"""Any module with any signature: name the layer and the arguments that are image and text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jaxtyping import Int
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters.arguments import calling, names_of, only_named
from gazeshift.models.adapters.binding import Binding
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.checks import check_reading
from gazeshift.models.adapters.hindrances import naming_failure, naming_quantised, on_quantised, refuse_unwatchable
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.adapters.layers import find_layer, unwrapped
from gazeshift.models.adapters.layouts import Layout, LayoutRule
from gazeshift.models.adapters.parts import find_logits
from gazeshift.models.adapters.passes import Passes, Tap
from gazeshift.models.adapters.reading import readable
from gazeshift.models.adapters.rounding import rounding_of
from gazeshift.models.adapters.state import quiet, steady
from gazeshift.models.features import TokenPlaces

Places = Callable[[Inputs, Inputs], TokenPlaces | None]
"""All images and texts to where the cells are among the tokens that attend to each other after the layer."""


@dataclass(frozen=True, eq=False)
class HookedModel:
    """The result of ``wrap``; its arguments are described there."""

    model: nn.Module
    tap: Tap
    forward: Callable[[Inputs, Inputs], Any]
    output: Callable[[Any], Tensor]
    grid: str | Layout | LayoutRule | None
    image: tuple[str, ...]
    text: tuple[str, ...]
    text_free: bool | None
    read_text: Callable[[Any], Inputs] | None
    places: Places | None
    check: bool

    @property
    def modules(self) -> nn.Module:
        """The module itself."""
        return self.model

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """The named arguments of both as tensors; texts for ``read_text`` are passed on unchanged."""
        images, texts = readable(images, "image", self.model), readable(texts, "text", self.model)
        return only_named(images, self.image), only_named(texts, self.text)

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> BoundModule:
        """Run the model for every combination, then again from its layer on, and compare.

        Raises:
            ModelError: the layer does not run, has no grid, or the output does not depend on it; the model does not answer row by row; or
                its gradients are not those of its output.
        """
        images, texts = self.read(images, texts)
        refuse_unwatchable(self.model, self.tap.name, self.tap.layer)
        with quiet(self.model), naming_quantised(self.model, RuntimeError):
            texts = self.encoded(texts)
            passes = Passes(self.model, self.tap, self.forward, self.output, images, texts)
            binding = Binding.of(passes, self.grid, image_index, text_index)
            with naming_quantised(self.model, ModelError):
                bound = binding.checked(self.text_free) if self.check else binding.trusted(self.text_free)
        bound.notes = (*bound.notes, *on_quantised(self.model))
        if self.places is not None:
            bound.find_places = partial(self.places, images, texts)
        return bound

    def encoded(self, texts: Inputs) -> Inputs:
        """The model's text input, computed once for all texts."""
        if self.read_text is None:
            return texts
        with steady(self.model), naming_failure("read_text=", texts):
            encoded = self.read_text(texts)
            if self.check:
                check_reading(self.read_text, texts, encoded, rounding_of(self.model))
        return encoded

    def trusting(self, bound: BoundModule) -> "HookedModel":
        """The same without the checks; where the text did not reach the layer, it is not run for every text."""
        free = len(bound.grid) == len(set(bound.image.tolist())) < len(bound.text)
        return replace(self, check=False, text_free=free if len(bound.text) > 1 else self.text_free)


def wrap(
    model: nn.Module,
    layer: str | nn.Module,
    *,
    image: str | tuple[str, ...] = "image",
    text: str | tuple[str, ...] = (),
    output: Callable[[Any], Tensor] | None = None,
    grid: str | Layout | LayoutRule | None = None,
    given: Mapping[str, Any] | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
    part: int | str | None = None,
    nth: int | None = None,
    text_free: bool | None = None,
    read_text: Callable[[Any], Inputs] | None = None,
    places: Places | None = None,
    check: bool = True,
) -> HookedModel:
    """Explain any module at one of its layers.

    The model runs unchanged for every requested combination of image and text. If that shows that no text reaches the layer, its
    output is stored once per image, and the modules that compute it need not run again: for maps the rest runs with a leaf in
    the layer's place. The logits of both ways are compared, row by row; if they differ, the whole model runs for every map, and
    the result says so. The model is left unchanged: hooks, modes, gradients, buffers and random states are restored.

    Args:
        model: any module; two inputs of one row are one combination.
        layer: the layer to explain at, by its name in ``model.named_modules()`` or itself.
        image: names of the arguments that are images.
        text: names of the arguments that are text, or anything else that varies while the map is observed.
        output: function from the model's result to logits ``(rows, classes)`` or one score per row; not needed for a tensor or ``logits``.
        grid: layout of the layer's output: a name, ``TokenGrid(height, width, prefix)``, or a function of a pass; else inferred.
        given: arguments that are the same in every call.
        forward: for signatures that names cannot describe (a list, positions): ``forward(images, texts)`` calls the model.
        part: which part of the layer's output holds the grid, if it is a tuple, a mapping or a dataclass.
        nth: which call of the layer, counted from 0, if one pass runs it several times (a backbone shared by views).
        text_free: whether no text reaches the layer; found out by default. A mismatch is reported; with ``check=False`` it saves passes.
        read_text: function applied to the texts once, before the first pass: an encoder that need not run again.
        places: from images and texts to the cells among the tokens that later layers attend over, if these are not the layer's own.
        check: False computes maps without the checks; with ``text_free=True`` the whole model then runs once per image.

    Raises:
        UsageError: no such layer or argument.

    Example:
        >>> class Fusion(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.trunk, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        ...     def forward(self, pixels, words):
        ...         return self.head(self.trunk(pixels).mean((2, 3)) * words)
        >>> import torch
        >>> wrapped = wrap(Fusion(), "trunk", image="pixels", text="words")
        >>> index = torch.zeros(1, dtype=torch.long)
        >>> wrapped.bind(torch.rand(1, 3, 8, 8), torch.rand(1, 4), index, index).grid.shape
        torch.Size([1, 4, 6, 6])
    """
    model = unwrapped(model)
    tap, logits = Tap(*find_layer(model, layer), part, nth), output or find_logits
    images, texts = names_of(image), names_of(text)
    run = forward or calling(model, images, texts, dict(given or {}))
    images, texts = () if forward else images, () if forward or read_text else texts
    return HookedModel(model, tap, run, logits, grid, images, texts, text_free, read_text, places, check)
