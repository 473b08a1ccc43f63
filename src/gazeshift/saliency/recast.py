"""A bound model seen through functions: other grids at its tap, or other outputs. The same model, asked in other terms."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.models.affine import Affine
from gazeshift.models.bottleneck import Bottleneck
from gazeshift.models.bound import Bound
from gazeshift.models.features import TokenPlaces

Change = Callable[[Tensor], Tensor]


def unchanged(values: Tensor) -> Tensor:
    """The same values."""
    return values


@dataclass(frozen=True, eq=False)
class Recast:
    """A bound model with other grids, or other outputs: ``gazeshift.models.bound.Bound``.

    Attributes:
        bound: the model.
        grid: its grids in their new form.
        affine: the affine before the tap, in these terms.
        into: from new grids to the model's own.
        out: from the model's logits, along the last axis, to new outputs.
    """

    bound: Bound
    grid: Float[Tensor, "n c h w"]
    affine: Affine
    into: Change = unchanged
    out: Change = unchanged

    @property
    def pools_first(self) -> bool:
        """Of the model."""
        return self.bound.pools_first

    @property
    def bottleneck(self) -> Bottleneck | None:
        """Of the model, if its grids are its own."""
        narrow = self.bound.bottleneck
        if narrow is None or self.into is not unchanged:
            return None
        return replace(narrow, classify=lambda seen, row, text: self.out(narrow.classify(seen, row, text)))

    @property
    def step(self) -> float:
        """Of the model."""
        return self.bound.step

    def places(self) -> TokenPlaces:
        """Of the model."""
        return self.bound.places()

    @property
    def passes(self) -> int:
        """Of the model."""
        return self.bound.passes

    @property
    def notes(self) -> tuple[str, ...]:
        """Of the model."""
        return self.bound.notes

    @property
    def tolerance(self) -> float:
        """Of the model."""
        return self.bound.tolerance

    def modules(self) -> Iterator[nn.Module]:
        """The model's."""
        return self.bound.modules()

    def eval(self) -> object:
        """The model in evaluation mode."""
        return self.bound.eval()

    def known_logits(self, grid_row: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Float[Tensor, "p classes"] | None:
        """New outputs of the logits that are known."""
        known = self.bound.known_logits(grid_row, text)
        return None if known is None else self.out(known)

    def grid_rows(self, image: Int[Tensor, " p"], text: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
        """Those of the model."""
        return self.bound.grid_rows(image, text)

    def logits(
        self, grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r outputs"]:
        """New outputs for new grids."""
        return self.out(self.bound.logits(self.into(grids), grid_row, text))

    def pixels(self, grid_row: int) -> Float[Tensor, "3 H W"]:
        """Those of the model."""
        return self.bound.pixels(grid_row)

    def look_again(
        self, images: Float[Tensor, "m 3 H W"], grid_row: int, text: Int[Tensor, " t"]
    ) -> Float[Tensor, "t m outputs"]:
        """New outputs for changed images."""
        return self.out(self.bound.look_again(images, grid_row, text))


def with_outputs(bound: Bound, out: Change) -> Recast:
    """A bound model with its logits turned into other outputs."""
    return Recast(bound, bound.grid, bound.affine, out=out)
