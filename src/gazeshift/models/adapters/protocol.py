"""The interface that explanations need from a model, and its implementation for third-party models."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import UsageError
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.adapters.rounding import Rounding, rounding_of
from gazeshift.models.adapters.state import frozen
from gazeshift.models.affine import NO_AFFINE, Affine
from gazeshift.models.features import ImageFeatures, TextFeatures, TokenPlaces
from gazeshift.models.modes import HasModes

_GRIDS_AT_ONCE = 64

Tail = Callable[[Float[Tensor, "r c h w"], Int[Tensor, " r"], Int[Tensor, " r"]], Float[Tensor, "r classes"]]


def predicted(logits: Float[Tensor, "r classes"]) -> Int[Tensor, " r"]:
    """The class with the largest logit, ignoring NaN.

    Example:
        >>> predicted(torch.tensor([[1.0, torch.nan, 2.0]]))
        tensor([2])
    """
    return logits.masked_fill(logits.isnan(), -torch.inf).argmax(1)


@runtime_checkable
class Explainable(HasModes, Protocol):
    """What explanations need from a model, including its modules' modes, to restore them. Implemented by ``Classifier`` and ``Bound``."""

    @property
    def pools_first(self) -> bool:
        """Whether everything after the tap depends on the grid only through its mean."""

    @property
    def affine(self) -> Affine:
        """The constant affine just before the tap; the identity if there is none."""

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """The image trunk up to the tap; only used by methods that change the image itself."""

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits from the tap on."""

    def step(self, image: ImageFeatures) -> float:
        """The coarsest relative precision of the computation after the tap, for these features."""

    def places(self, image: ImageFeatures) -> TokenPlaces:
        """Positions of the grid's cells among the tokens that attend to each other after the tap; only used by attention methods.

        Raises:
            UsageError: unknown for this model.
        """


class Bound(nn.Module):
    """A third-party model with the images and texts it is explained for.

    What such a model needs besides the grid can be anything (four inputs, boxes, token ids), so it stays here and only row
    numbers travel: the probe picks rows of them and hands them back to ``classify``.

    Attributes:
        image: grids at the tap, one per image; where the text enters the trunk, one per combination asked for.
        text: one entry per text.
        image_row: for each combination asked for, its row in ``image``.
        pools_first: whether everything that follows depends on the grid only through its mean.
        affine: the identity: a layer's output is explained unchanged.
        token_places: positions of the cells among the tokens at the tap; None if they have no common order.
        logits: logits of each requested combination, computed as for its map; set by ``answer``.
        notes: what a user should know about how the model is explained, one sentence each.
        rounding: how far its logits may differ between passes; None without checks.
    """

    logits: Float[Tensor, "p classes"]

    def __init__(
        self,
        parts: nn.Module,
        tail: Tail,
        grid: Float[Tensor, "b c h w"],
        texts: int,
        image_row: Int[Tensor, " p"],
        pools_first: bool = False,
        places: TokenPlaces | None = None,
    ) -> None:
        super().__init__()
        self.parts = parts
        self.tail = tail
        self.image_row = image_row
        self.pools_first = pools_first
        self.token_places = places
        self.notes: tuple[str, ...] = ()
        self.rounding: Rounding | None = None
        device = grid.device
        # The model goes on in the precision it is used in; what is computed from its gradients does not.
        self.autocast = torch.is_autocast_enabled(device.type)
        self.autocast_type = torch.get_autocast_dtype(device.type)
        self.affine = NO_AFFINE
        self._step = rounding_of(parts, grid).step
        # Row numbers take the place of tokens, in their shape; float32 counts exactly to 16 million.
        numbers = torch.arange(len(grid), device=device, dtype=torch.float32)[:, None, None]
        self.image = ImageFeatures(grid, numbers.expand(-1, 1, grid.shape[1]))
        self.text = TextFeatures.from_pooled(torch.arange(texts, device=device, dtype=torch.float32)[:, None])

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """Unavailable: the trunk ran once, for the given inputs.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "a third-party model is explained from its recorded grid; choose a method that does not change the image, such as grad-cam, "
            "hires-cam, ablation-cam or integrated-gradients."
        )

    def step(self, image: ImageFeatures) -> float:
        """From the model's weights, the autocast state when it was bound, and the device."""
        return self._step

    def places(self, image: ImageFeatures) -> TokenPlaces:
        """The positions of the cells in the layer's layout.

        Raises:
            UsageError: the rows are folded, or each has a different order.
        """
        if self.token_places is None:
            raise UsageError(
                "attention methods need the cells at the same tokens in every row, which this layer's layout does not have; "
                "name a layer that gives (b n c), or choose a gradient method such as hires-cam."
            )
        return self.token_places

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of rows of ``self.image`` (their grids possibly replaced) and ``self.text``.

        The model always runs as it does for a map, with gradients from the grid on, even if the caller only needs logits: some
        modules compute differently without gradients (PyTorch's transformer encoder has a fast path), and a map must explain the
        class that was predicted.
        """
        asked = torch.is_grad_enabled() and image.grid.requires_grad
        assert image.prefix is not None  # noqa: S101 (it was put there above; this tells the type checker)
        with torch.inference_mode(False), torch.enable_grad(), frozen(self.parts):
            grid = image.grid if asked else image.grid.detach().clone().requires_grad_() * 1
            rows = image.prefix[:, 0, 0].long(), text.pooled[:, 0].long()
            with torch.autocast(grid.device.type, self.autocast_type, self.autocast):
                logits = self.tail(grid, *rows).float()
        return logits if asked else logits.detach()

    def answer(self, text: Int[Tensor, " p"]) -> Float[Tensor, "p classes"]:
        """Run every combination, and keep the results as ``logits``.

        They run from last to first, so that state a module has kept from an earlier pass is not mistaken for what it would
        do now.

        Args:
            text: the text of each combination.
        """
        order = torch.arange(len(text)).flip(0)
        source = self.image.averaged() if self.pools_first else self.image
        parts = [
            self.classify(source.rows(self.image_row[rows]), self.text.rows(text[rows]))
            for rows in torch.split(order, _GRIDS_AT_ONCE)
        ]
        self.logits = torch.cat(parts).flip(0)
        return self.logits


@runtime_checkable
class Outside(Protocol):
    """A third-party model: bind it to inputs to get what the probe needs."""

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """Inputs in any form, converted for ``bind``: tensors, and only what the model takes."""

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> Bound:
        """Run the trunk for the requested combinations, and compute the logits of each once.

        Args:
            images: one row per image.
            texts: one row per text; None if there are none.
            image_index: the image of each combination.
            text_index: the text of each combination.
        """
