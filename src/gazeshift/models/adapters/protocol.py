"""What an explanation asks of a model, and the form in which a model from outside meets it."""

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
    """The class with the largest logit; one whose logit is not a number is never it.

    Example:
        >>> predicted(torch.tensor([[1.0, torch.nan, 2.0]]))
        tensor([2])
    """
    return logits.masked_fill(logits.isnan(), -torch.inf).argmax(1)


@runtime_checkable
class Explainable(HasModes, Protocol):
    """What an explanation asks of a model: also its modules' modes, to restore them. ``Classifier`` and ``Bound`` both answer."""

    @property
    def pools_first(self) -> bool:
        """Whether all that follows the tap depends on the grid through its mean alone."""

    @property
    def affine(self) -> Affine:
        """The constant affine that stands just before the tap; the identity where there is none."""

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """The image trunk up to the tap; only methods that change the image itself ask for it."""

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits from the tap on."""

    def step(self, image: ImageFeatures) -> float:
        """The coarsest relative step of the numbers that what follows the tap computes with, where these features stand there."""

    def places(self, image: ImageFeatures) -> TokenPlaces:
        """Where the grid's cells stand among the tokens that attend to each other after the tap; only attention methods ask for it.

        Raises:
            UsageError: nobody knows.
        """


class Bound(nn.Module):
    """A model from outside with the images and texts it is explained for.

    What a foreign model needs beside the grid can be anything (four inputs, boxes, token ids), so it stays here and only row
    numbers travel: the probe picks rows of them and hands them back to ``classify``.

    Attributes:
        image: grids at the tap, one per image; where the text enters the trunk, one per combination asked for.
        text: one entry per text.
        image_row: for each combination asked for, its row in ``image``.
        pools_first: whether all that follows depends on the grid through its mean alone.
        affine: the identity: a layer's output is explained as it is.
        token_places: where the cells stand among the tokens at the tap; None where they are in no common order.
        logits: of each combination asked for, answered as its map is drawn; set by ``answer``.
        notes: what a user should know about how the model is explained, a sentence each.
        rounding: how far its answers may differ between passes; None where nobody checks.
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
        # Row numbers ride where tokens would, in their shape; float32 counts exactly to 16 million.
        numbers = torch.arange(len(grid), device=device, dtype=torch.float32)[:, None, None]
        self.image = ImageFeatures(grid, numbers.expand(-1, 1, grid.shape[1]))
        self.text = TextFeatures.from_pooled(torch.arange(texts, device=device, dtype=torch.float32)[:, None])

    def encode_image(self, images: Float[Tensor, "b 3 H W"]) -> ImageFeatures:
        """Not to be had: the trunk ran once, for the inputs that were given.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "a third-party model is explained from its recorded grid; choose a method that does not change the image, such as grad-cam, "
            "hires-cam, ablation-cam or integrated-gradients."
        )

    def step(self, image: ImageFeatures) -> float:
        """By the model's weights, the autocast that was on when it was bound, and the device."""
        return self._step

    def places(self, image: ImageFeatures) -> TokenPlaces:
        """Where the layer's layout has the cells.

        Raises:
            UsageError: the rows are folded, or each has another order.
        """
        if self.token_places is None:
            raise UsageError(
                "attention methods need the cells at the same tokens in every row, which this layer's layout does not have; "
                "name a layer that gives (b n c), or choose a gradient method such as hires-cam."
            )
        return self.token_places

    def classify(self, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of rows of ``self.image`` (their grids possibly replaced) and ``self.text``.

        The model always runs as it does for a map, with gradients from the grid on, also where the caller asks for logits alone: some
        modules answer otherwise without gradients (PyTorch's transformer encoder has a fast path), and a map must explain the
        class that was found.
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
        """Ask every combination, and keep the answers as ``logits``.

        They are asked from the last to the first, so that what a module has kept from an earlier pass is not taken for what it would
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
    """A model from outside: give it inputs and it becomes something the probe can ask."""

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """Inputs in whatever people hold them, as ``bind`` takes them: tensors, and only what the model is given."""

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> Bound:
        """Run the trunk for the combinations asked for, and ask each once.

        Args:
            images: one row per image.
            texts: one row per text; None where there is none.
            image_index: the image of each combination.
            text_index: the text of each combination.
        """
