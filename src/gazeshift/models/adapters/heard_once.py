"""A vision transformer from outside, in whose last block the class token alone hears the cells: found at the block, believed after trying.

Tapped at the block's first norm, a model is taken apart whatever its class: its attention is listened to, and the block then runs for
the class token alone with the attention's result put in. What follows the block runs as it is. The whole must give the model's own logits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.passes import Passes, Tap
from gazeshift.models.adapters.recording import Results, at_layer, reusing
from gazeshift.models.adapters.rounding import Rounding, apart, logits_apart
from gazeshift.models.adapters.state import frozen
from gazeshift.models.bottleneck import Attending, Bottleneck
from gazeshift.models.fused import answered, heard

_OTHER_KINDS = (
    ModelError,
    UsageError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What other kinds of blocks raise when they are taken apart like this; they are explained as a whole."""

Later = Callable[[Passes, Int[Tensor, " t"]], BoundModule]
"""The same model bound at another layer, at some of that layer's tokens."""


def bottleneck_of(
    passes: Passes, bound: BoundModule, results: Results, rounding: Rounding, later: Later
) -> Bottleneck | None:
    """The model's tail in two steps; None if it is not of this kind.

    Args:
        passes: the model with its inputs, tapped at a norm.
        bound: bound there, with one grid per image.
        results: recorded outputs of modules before the tap.
        rounding: how far logits may differ.
        later: binds the model at the block's output.
    """
    try:
        block = _Block.of(passes, bound, results)
        narrow = block.bottleneck(later)
        return narrow if _agrees(bound, narrow, rounding) else None
    except _OTHER_KINDS:
        return None


@dataclass(frozen=True, eq=False)
class _Block:
    """The block that the tap's norm belongs to, with what goes into it.

    Attributes:
        passes: the model, tapped at the norm.
        name: of the block.
        module: the block.
        entering: the tokens of every grid row as they enter it.
        normed: the same after its norm.
        rest: the block's other arguments.
        named: those given by name.
        cells: which tokens are cells.
        others: which are not.
    """

    passes: Passes
    name: str
    module: nn.Module
    entering: Float[Tensor, "n t c"]
    normed: Float[Tensor, "n t c"]
    rest: tuple[Any, ...]
    named: Mapping[str, Any]
    cells: Int[Tensor, " m"]
    others: Int[Tensor, " p"]

    @classmethod
    def of(cls, passes: Passes, bound: BoundModule, results: Results) -> "_Block":
        tap, places = passes.tap, bound.places()
        name = next(each for each, module in passes.model.named_modules() if module is tap.layer).rpartition(".")[0]
        module = passes.model.get_submodule(name)
        others = torch.ones(places.tokens, dtype=torch.bool)
        others[places.cells.cpu()] = False
        if not name or tap.part is not None or tap.nth or not bool(others.any()) or bound.autocast:
            raise ModelError("the tap is not the norm of a block with tokens besides the cells.")
        entering, normed = list[tuple[tuple[Any, ...], Mapping[str, Any]]](), list[Tensor]()
        rows = torch.arange(len(bound.grid), device=bound.row.device)
        first = torch.stack([(bound.row == row).nonzero()[0, 0] for row in rows])
        hook = module.register_forward_pre_hook(
            lambda _, given, named: entering.append((given, named)), with_kwargs=True
        )
        try:
            with reusing(results, rows):
                passes.watched(
                    bound.image[first].cpu(), bound.text[first].cpu(), lambda out: normed.append(tap.read(out))
                )
        finally:
            hook.remove()
        ((given, named),), (tokens,) = entering, normed
        if tokens.shape != (len(rows), places.tokens, bound.grid.shape[1]) or tokens.dtype != bound.grid.dtype:
            raise ModelError("the norm's output is not a row of tokens for each grid.")
        places_of_others = others.nonzero()[:, 0].to(tokens.device)
        return cls(passes, name, module, given[0], tokens, given[1:], named, places.cells, places_of_others)

    def alone(self, tokens: Float[Tensor, "r p c"]) -> Float[Tensor, "r p c"]:
        """The block on some tokens, without the tensors that tell the attention their places or what to mask: its result is given."""
        rest = [None if isinstance(each, Tensor) else each for each in self.rest]
        named = {name: None if isinstance(each, Tensor) else each for name, each in self.named.items()}
        out = self.module(tokens, *rest, **named)
        return out if isinstance(out, Tensor) else out[0]

    def heads(self, normed: Float[Tensor, "n t c"]) -> Any:
        """Queries, keys and values of tokens after the norm."""

        def attention(tokens: Tensor) -> Tensor:
            with at_layer(self.passes.tap.layer, 0, lambda _: tokens):
                return self.module(self.entering[:1], *self.rest, **self.named)

        return heard(attention, normed)

    def bottleneck(self, later: Later) -> Bottleneck:
        """The tail from the norm to the block's output, and from there on."""
        rest = later(replace(self.passes, tap=Tap(self.name, self.module, None, None)), self.others)
        count, width = len(self.others), self.entering.shape[2]

        def classify(seen: Float[Tensor, "r m"], grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]) -> Tensor:
            return rest.logits(seen.view(-1, count, width).transpose(1, 2)[..., None], grid_row, text)

        @lru_cache(maxsize=1)  # of the images asked about last: for their logits, then for their maps
        def attend(rows: tuple[int, ...]) -> Attending:
            with torch.inference_mode(False), torch.no_grad():
                return self.attending(torch.tensor(rows, device=self.entering.device))

        def see(grids: Float[Tensor, "r c y x"], grid_row: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
            return replace(self.attending(grid_row), cells=grids.flatten(2).mT).told

        return Bottleneck(see, classify, lambda rows: attend(tuple(rows.tolist())))

    def attending(self, rows: Int[Tensor, " n"]) -> Attending:
        """The attention of the tokens that are not cells."""
        normed, read = self.normed[rows], self.entering[rows][:, self.others]
        asking = self.heads(normed)
        query = asking.query[:, :, self.others]

        def hear(cells: Float[Tensor, "n m c"]) -> tuple[Tensor, Tensor]:
            if cells.shape[1] != len(self.cells):
                heads = self.heads(cells)
                return query @ heads.key.mT, heads.value
            # The whole, because a token may be told its place by where it stands.
            heads = self.heads(normed.index_copy(1, self.cells, cells))
            return query @ heads.key[:, :, self.cells].mT, heads.value[:, :, self.cells]

        def tell(result: Float[Tensor, "r heads q d"], place: Int[Tensor, " r"]) -> Float[Tensor, "r m"]:
            with frozen(self.module), answered(result):
                return self.alone(read[place]).flatten(1)

        others = query @ asking.key[:, :, self.others].mT, asking.value[:, :, self.others]
        return Attending(normed[:, self.cells], hear, others, tell)


@torch.no_grad()
def _agrees(bound: BoundModule, narrow: Bottleneck, rounding: Rounding) -> bool:
    """Try it with the grids themselves and with noise as large as they: the same logits, and each cell heard by itself."""
    row, text = bound.row[:1], bound.text[:1]
    attending = narrow.attend(row)
    if attending is None:
        return False
    own = attending.cells
    noise = torch.randn(own.shape, generator=torch.Generator().manual_seed(0)).to(own) * own.std()
    logits = []
    for cells in (own, own + noise):
        grid = cells.transpose(1, 2).reshape(bound.grid[row].shape)
        here, there = bound.logits(grid, row, text), narrow.classify(narrow.see(grid, row), row, text)
        if logits_apart(here, there) > rounding.of_logits:
            return False
        logits.append(here)
    return logits_apart(*logits) > 10 * rounding.of_logits and _by_itself(attending, noise)


def _by_itself(attending: Attending, noise: Float[Tensor, "n m c"]) -> bool:
    """Whether a cell's score and value depend on no other cell, and its value is affine."""
    own = attending.cells
    every_other = own.clone()
    every_other[:, 1::2] += noise[:, 1::2]
    (_, none), (scores, values), (_, other), (_, both) = (
        attending.hear(cells) for cells in (torch.zeros_like(own), own, noise, own + noise)
    )
    some_scores, some_values = attending.hear(every_other)
    pairs = (
        (some_scores[..., ::2], scores[..., ::2]),
        (some_values[:, :, ::2], values[:, :, ::2]),
        (both + none, values + other),
    )
    return all(apart(one, another) <= 1e-4 for one, another in pairs)
