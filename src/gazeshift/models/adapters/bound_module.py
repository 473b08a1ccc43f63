"""A third-party model bound to its inputs, behind the same interface as our own classifiers."""

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import UsageError
from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.adapters.rounding import Rounding, rounding_of
from gazeshift.models.adapters.state import frozen
from gazeshift.models.affine import NO_AFFINE, Affine
from gazeshift.models.bottleneck import Bottleneck
from gazeshift.models.features import TokenPlaces

_GRIDS_AT_ONCE = 128
_PLACELESS = (
    "attention methods need the cells at the same tokens in every row, which this layer's layout does not have; name a layer that gives "
    "(b n c), or choose a gradient method such as hires-cam."
)

Places = Callable[[], TokenPlaces | None]
"""Where the cells are among the tokens, found when it is asked for."""


def no_places() -> None:
    """Nowhere."""


Tail = Callable[[Float[Tensor, "r c h w"], Int[Tensor, " r"], Int[Tensor, " r"]], Float[Tensor, "r classes"]]
"""Grids, their rows and text rows to logits."""


Looking = Callable[[Inputs, int, Int[Tensor, " t"]], Float[Tensor, "t m classes"]]
"""The inputs of m images, all in the place of one image, and text rows to logits."""


@runtime_checkable
class Eye(Protocol):
    """How a model's images can be changed and shown to it again; image and text rows are those of its inputs."""

    def pixels(self, image: int) -> Float[Tensor, "3 H W"]:
        """An image as it can be changed; 0 is the mean colour of the model's normalisation."""

    def look(
        self, images: Float[Tensor, "m 3 H W"], image: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """Logits of changed images, each with each of some texts."""


class BoundModule(nn.Module):
    """A third-party model with the images and texts it is explained for: ``gazeshift.models.bound.Bound``.

    What such a model needs besides the grid can be anything (four inputs, boxes, token ids), so it stays in ``tail`` and only row numbers
    travel.

    Attributes:
        grid: grids at the tap, one per image; where the text enters the trunk, one per combination asked for.
        image: the image of each combination asked for.
        text: the text of each.
        row: its grid row.
        pools_first: whether everything that follows depends on the grid only through its mean.
        bottleneck: what follows in two steps, before the text comes in and after; None if they are not known apart.
        affine: the identity: a layer's output is explained unchanged.
        find_places: positions of the cells among the tokens that attend to each other; None if they have no common order.
        passes: how many passes of the model the logits take, one for each of its classes; 1 if one gives them all.
        answers: logits of each requested combination, computed as for its map; set by ``answer``.
        notes: what a user should know about how the model is explained, one sentence each.
        rounding: how far its logits may differ between passes; None without checks.
        reuses: whether modules before the layer give what they gave before, instead of running again.
        side_of_means: the grid of means that the model takes in the place of its own, if that was found by trying it.
        again: shows it other images, in the form of its inputs.
        eye: how its images can be changed; None if nobody knows.
    """

    answers: Float[Tensor, "p classes"]

    def __init__(
        self,
        parts: nn.Module,
        tail: Tail,
        grid: Float[Tensor, "b c h w"],
        combinations: tuple[Int[Tensor, " p"], Int[Tensor, " p"], Int[Tensor, " p"]],
        pools_first: bool = False,
        places: Places = no_places,
        again: Looking | None = None,
        eye: Eye | None = None,
    ) -> None:
        super().__init__()
        self.parts = parts
        self.tail = tail
        self.grid = grid
        self.image, self.text, self.row = (index.to(grid.device) for index in combinations)
        self.pools_first = pools_first
        self.bottleneck: Bottleneck | None = None
        self.find_places = places
        self.passes = 1
        self.again = again
        self.eye = eye
        self.notes: tuple[str, ...] = ()
        self.reuses = True
        self.side_of_means: tuple[int, int] | None = None
        self.rounding: Rounding | None = None
        # The model goes on in the precision it is used in; what is computed from its gradients does not.
        self.autocast = torch.is_autocast_enabled(grid.device.type)
        self.autocast_type = torch.get_autocast_dtype(grid.device.type)
        self.affine: Affine = NO_AFFINE
        self.step = rounding_of(parts, grid).step

    def places(self) -> TokenPlaces:
        """The positions of the cells in the layer's layout.

        Raises:
            UsageError: the rows are folded, or each has a different order.
        """
        found = self.find_places()
        if found is None:
            raise UsageError(_PLACELESS)
        return found

    @property
    def tolerance(self) -> float:
        """From the model's rounding; unlimited without checks."""
        return math.inf if self.rounding is None else self.rounding.to_refuse

    def known_logits(self, grid_row: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Float[Tensor, "p classes"] | None:
        """The answers, if these are the combinations that were asked for."""
        asked = torch.equal(grid_row, self.row) and torch.equal(text, self.text)
        return self.answers if asked else None

    def grid_rows(self, image: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
        """The grid row of each combination.

        Raises:
            UsageError: a combination that was not asked for when the model was bound.
        """
        pairs = zip(self.image.tolist(), self.text.tolist(), strict=True)
        known = dict(zip(pairs, self.row.tolist(), strict=True))
        asked = list(zip(image.tolist(), text.tolist(), strict=True))
        unknown = next((pair for pair in asked if pair not in known), None)
        if unknown is not None:
            raise UsageError(f"image {unknown[0]} with text {unknown[1]} was not asked for when the model was bound.")
        return torch.tensor([known[pair] for pair in asked], dtype=torch.long, device=self.grid.device)

    def logits(
        self, grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        """Logits of rows of ``grid``, their values possibly replaced, with texts.

        The model always runs as it does for a map, with gradients from the grid on, even if the caller only needs logits: some
        modules compute differently without gradients (PyTorch's transformer encoder has a fast path), and a map must explain the
        class that was predicted.
        """
        asked = torch.is_grad_enabled() and grids.requires_grad
        with torch.inference_mode(False), torch.enable_grad(), frozen(self.parts):
            # Copies, because numbers made in inference mode cannot index what is in a graph.
            grid = grids if asked else grids.detach().clone().requires_grad_() * 1
            with torch.autocast(grid.device.type, self.autocast_type, self.autocast):
                logits = self.tail(grid, grid_row.clone(), text.clone()).float()
        return logits if asked else logits.detach()

    def pixels(self, grid_row: int) -> Float[Tensor, "3 H W"]:
        """The image of a grid row as it can be changed.

        Raises:
            UsageError: the model takes no single tensor of pictures.
        """
        return self._eye().pixels(self._image_of(grid_row))

    def look_again(
        self, images: Float[Tensor, "m 3 H W"], grid_row: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m classes"]:
        """Logits of changed images with each of some texts."""
        with torch.autocast(self.grid.device.type, self.autocast_type, self.autocast), frozen(self.parts):
            return self._eye().look(images, self._image_of(grid_row), text).float()

    def answer(self) -> Float[Tensor, "p classes"]:
        """Run every combination, and keep the results as ``answers``.

        They run from last to first, so that state a module has kept from an earlier pass is not mistaken for what it would
        do now. What comes before the text runs once per image where it is known apart.
        """
        if self.bottleneck is not None:
            with torch.inference_mode(False), torch.no_grad():
                seen = self.bottleneck.seen(self.grid, torch.arange(len(self.grid), device=self.grid.device))
                self.answers = self.bottleneck.classify(seen[self.row], self.row, self.text)
            return self.answers
        order = torch.arange(len(self.text), device=self.grid.device).flip(0)
        source = self.grid.mean((2, 3), keepdim=True) if self.pools_first else self.grid
        parts = [
            self.logits(source[self.row[rows]], self.row[rows], self.text[rows])
            for rows in torch.split(order, _GRIDS_AT_ONCE)
        ]
        self.answers = torch.cat(parts).flip(0)
        return self.answers

    def _eye(self) -> Eye:
        if self.eye is None:
            raise UsageError(
                "this method changes the image itself, and the model does not take it as one tensor (b 3 h w): choose a method that does "
                "not, such as hires-cam, or ablation-cam."
            )
        return self.eye

    def _image_of(self, grid_row: int) -> int:
        return int(self.image[(self.row == grid_row).nonzero()[0, 0]])
