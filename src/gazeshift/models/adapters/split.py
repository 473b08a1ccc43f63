"""Any object with ``encode_image``, ``encode_text`` and ``classify``: no hooks needed, because the text-free trunk is known."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters.bound_module import BoundModule, Eye
from gazeshift.models.adapters.checks import (
    ONE_BY_ONE,
    check_company,
    check_difference,
    check_gradient,
    heeds_neighbours,
    one_by_one,
    to_be_alone,
)
from gazeshift.models.adapters.corners import Trial
from gazeshift.models.adapters.eyes import tensor_eye
from gazeshift.models.adapters.finding import doubted, layout_of
from gazeshift.models.adapters.hindrances import naming_failure
from gazeshift.models.adapters.inputs import Inputs, count, take
from gazeshift.models.adapters.layouts import Layout, LayoutRule, grids_of, placed, places_of, rows_first
from gazeshift.models.adapters.parts import logits_of
from gazeshift.models.adapters.reading import readable
from gazeshift.models.adapters.rounding import logits_apart, rounding_of
from gazeshift.models.adapters.state import quiet, steady

_GRID = "encode_image's grid"


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
    """The result of ``split``."""

    model: ThreeParts
    grid: str | Layout | LayoutRule | None
    pools_first: bool
    check: bool

    @property
    def modules(self) -> nn.Module:
        """The modules that the object is or contains, to put in evaluation mode for a while."""
        model = self.model
        if isinstance(model, nn.Module):
            return model
        return nn.ModuleList([value for value in vars(model).values() if isinstance(value, nn.Module)])

    def trusting(self, bound: BoundModule) -> "SplitModel":
        """The same without the checks."""
        return replace(self, check=False, pools_first=bound.pools_first)

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """Both as tensors on the model's device; the parts take them whole."""
        parts = self.modules
        return readable(images, "image", parts), readable(texts, "text", parts)

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> BoundModule:
        """Run both encoders once, and classify every combination.

        Raises:
            ModelError: a part returns a different number of rows than it got, or its rows depend on each other; or gradients do not
                match the output.
        """
        parts = self.modules
        with quiet(parts):
            run = _Run(self.model, parts, self.grid, images, texts, image_index, text_index)
            encoded = _Encoded.of(run)
            if not self.check:
                bound = encoded.bound(self.pools_first)
                check_gradient(bound, _GRID)
                bound.answer()
                return bound
            bound = encoded.bound(pools_first=False)
            check_gradient(bound, _GRID)
            bound.answer()
            _check(run, bound)
            bound.notes += doubted(run.grid, encoded.features, run.trial)
            return _pooled(encoded, bound) if self.pools_first else bound


def split(
    model: ThreeParts, grid: str | Layout | LayoutRule | None = None, pools_first: bool = False, check: bool = True
) -> SplitModel:
    """Explain any object that has the three parts; it need not be a module or know gazeshift.

    Args:
        model: ``encode_image(images)`` gives the grid, ``encode_text(texts)`` anything with one row per text, and
            ``classify(grid, text)`` logits ``(rows, classes)`` or one score per row.
        grid: layout of ``encode_image``'s result, inferred from its shape if None.
        pools_first: True if ``classify`` depends on the grid only through its mean over the cells (global average pooling
            comes first): 1,000 texts then cost hardly more than one. If that is wrong, the result says so and is computed without it.
        check: False skips the checks that rows are independent, gradients correct and the mean sufficient.

    Example:
        >>> class Mine:
        ...     def encode_image(self, images):
        ...         return torch.nn.functional.avg_pool2d(images, 4)
        ...     def encode_text(self, texts):
        ...         return torch.tensor([[float(len(text))] for text in texts])
        ...     def classify(self, image, text):
        ...         return image.mean((2, 3)) * text
        >>> index = torch.zeros(1, dtype=torch.long)
        >>> split(Mine()).bind(torch.rand(1, 3, 8, 8), ["soup"], index, index).grid.shape
        torch.Size([1, 3, 2, 2])
    """
    return SplitModel(model, grid, pools_first, check)


@dataclass(frozen=True, eq=False)
class _Run:
    """The parts with their inputs and combinations."""

    model: ThreeParts
    modules: nn.Module
    grid: str | Layout | LayoutRule | None
    images: Inputs
    texts: Inputs
    image: Int[Tensor, " p"]
    text: Int[Tensor, " p"]

    def encoded_images(self, index: Int[Tensor, " r"]) -> Tensor:
        images = take(self.images, index)
        with steady(self.modules), naming_failure("encode_image", images):
            features = self.model.encode_image(images)
        return self.checked(features, len(index))

    def checked(self, features: Any, images: int) -> Tensor:
        if not isinstance(features, Tensor):
            raise ModelError(
                f"encode_image gives a {type(features).__name__} for {images} images; it must give a tensor, one row per image."
            )
        return features

    @property
    def trial(self) -> Trial:
        def other(changed: Inputs) -> Tensor:
            with steady(self.modules), naming_failure("encode_image", changed):
                return self.checked(self.model.encode_image(changed), count(changed, "image"))

        return Trial(self.images, count(self.images, "image"), self.modules, None, other)

    @property
    def eye(self) -> Eye | None:
        """How the images can be changed."""
        return tensor_eye(self.images, self.again)

    def again(self, images: Inputs, image: int, text: Int[Tensor, " t"]) -> Float[Tensor, "t m classes"]:
        """Logits of other images with each of some texts; both encoders run once."""
        number = count(images, "image")
        with quiet(self.modules):
            grids = replace(self, images=images).encoded_images(torch.arange(number))
            texts = self.encoded_texts(take(self.texts, text))
            rows = torch.arange(len(text)).repeat_interleave(number)
            features = grids.repeat(len(text), *[1] * (grids.ndim - 1))
            return self.logits(features, take(texts, rows), len(rows)).view(len(text), number, -1)

    def encoded_texts(self, texts: Inputs) -> Any:
        with steady(self.modules), naming_failure("encode_text", texts):
            features = self.model.encode_text(texts)
        rows, asked = count(features, "encoded text"), count(texts, "text")
        if rows != asked:
            raise ModelError(f"encode_text gives {rows} rows for {asked} texts; it must give one row per text.")
        return features

    def logits(self, grid: Tensor, text: Any, rows: int, seed: int = 0) -> Float[Tensor, "r classes"]:
        with steady(self.modules, seed), naming_failure("classify", grid, text):
            result = self.model.classify(grid, text)
        if not isinstance(result, Tensor) or result.shape[:1] != (rows,) or result.ndim not in {1, 2}:
            given = tuple(result.shape) if isinstance(result, Tensor) else f"a {type(result).__name__}"
            raise ModelError(
                f"classify gives {given} for {rows} rows; it must give logits (rows, classes) or one score per row."
            )
        return logits_of(result, rows)

    def alone(self, number: int, seed: int) -> Float[Tensor, "1 classes"]:
        text = self.encoded_texts(take(self.texts, self.text[number : number + 1]))
        return self.logits(self.encoded_images(self.image[number : number + 1]), text, 1, seed).float()


@dataclass(frozen=True, eq=False)
class _Encoded:
    """The encoders' outputs."""

    run: _Run
    features: Tensor
    texts: Any
    layout: Layout | LayoutRule

    @classmethod
    def of(cls, run: _Run) -> "_Encoded":
        features = run.encoded_images(torch.arange(count(run.images, "image")))
        return cls(
            run, features, run.encoded_texts(run.texts), layout_of(run.grid, features, "encode_image", run.trial)
        )

    def bound(self, pools_first: bool) -> BoundModule:
        def tail(grid: Float[Tensor, "r c h w"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]) -> Tensor:
            layout = placed(self.layout, take(self.run.images, image), take(self.run.texts, text))
            if rows_first(layout):
                whole = self.features[image]
            else:  # rows of a folded output cannot be picked from it
                with torch.no_grad():
                    whole = self.run.encoded_images(image)
            # With pooling first the grid has one cell: there is nothing of the original to keep around it.
            return self.run.logits(layout.write(whole, grid.to(whole.dtype)), take(self.texts, text), len(image))

        rows = count(self.run.images, "image")
        layout = placed(self.layout, self.run.images, self.run.texts)
        grid = grids_of(layout, self.features, rows, "encode_image").float()
        places = partial(places_of, self.layout, self.features)
        combinations = (self.run.image, self.run.text, self.run.image)
        return BoundModule(
            self.run.modules, tail, grid, combinations, pools_first, places, self.run.again, self.run.eye
        )


def _check(run: _Run, bound: BoundModule) -> None:
    rounding = bound.rounding = rounding_of(run.modules, bound.grid)

    def changed(number: int, added: Float[Tensor, "m c h w"]) -> Float[Tensor, "m classes"]:
        row, text = (index[number].expand(len(added)) for index in (bound.row, bound.text))
        return bound.logits(bound.grid[row] + added, row, text)

    check_company(run.alone, to_be_alone(run.images, run.texts, run.image, run.text), bound.answers, rounding)
    if len(run.image) == 1 and heeds_neighbours(bound, rounding):
        bound.tail, bound.notes = one_by_one(bound.tail), (*bound.notes, ONE_BY_ONE)
    check_difference(bound, changed, _GRID, rounding)


def _pooled(encoded: _Encoded, whole: BoundModule) -> BoundModule:
    """The model on the means of its grids, if they suffice."""
    pooled = encoded.bound(pools_first=True)
    moved = logits_apart(pooled.answer(), whole.answers)
    if moved <= rounding_of(encoded.run.modules, whole.grid).of_logits:
        pooled.rounding, pooled.notes = whole.rounding, whole.notes
        return pooled
    whole.notes += (
        f"pools_first=True was given, but classify uses more of the grid than its mean (a logit moves by {moved:.1%} of the largest): the "
        "maps are computed without it",
    )
    return whole
