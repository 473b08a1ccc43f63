"""Forward passes of a third-party model, a few rows at a time: unchanged, and with given grids at its layer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters.folded import Heads, Packed, Tiles
from gazeshift.models.adapters.hindrances import eager, naming_failure, refuse_numbers
from gazeshift.models.adapters.inputs import Inputs, count, spread, take
from gazeshift.models.adapters.layouts import Layout, LayoutRule, grids_of, placed
from gazeshift.models.adapters.parts import exchanged, logits_of, select
from gazeshift.models.adapters.recording import MAX_BYTES, Results, at_layer, keeping, reusing
from gazeshift.models.adapters.rounding import apart, rounding_of
from gazeshift.models.adapters.state import steady

_ROWS_AT_ONCE = 16
_MANY_ROWS, _BYTES_AT_ONCE = 128, 32 * 2**20


@dataclass(frozen=True)
class Tap:
    """Where the grid is: a layer, one of its calls, and a part of its output.

    Attributes:
        name: the layer's name, for messages.
        layer: the module.
        part: index, key or field; None if the layer returns the tensor itself.
        nth: which call, counted from 0; None if there may be only one.
    """

    name: str
    layer: nn.Module
    part: int | str | None
    nth: int | None

    def __post_init__(self) -> None:
        """Refuse a negative call number."""
        if self.nth is not None and self.nth < 0:
            raise UsageError(f"nth={self.nth}: the calls of a layer are counted from 0.")

    def read(self, output: Any) -> Tensor:
        """The tensor that holds the grid."""
        return refuse_numbers(select(output, self.part, self.name), self.name)

    def check(self, calls: int) -> None:
        """Refuse a pass in which the layer did not run as declared.

        Raises:
            ModelError: it never ran, several times without ``nth``, or fewer than ``nth`` says.
        """
        if not calls:
            raise ModelError(
                f"layer {self.name!r} never ran in a pass of these inputs; choose one that does, or the module that contains it."
            )
        if self.nth is None and calls > 1:
            raise ModelError(
                f"layer {self.name!r} runs {calls} times in one pass: choose one with nth=0 to nth={calls - 1}."
            )
        if calls <= (self.nth or 0):
            raise ModelError(f"layer {self.name!r} runs {calls} times in one pass: there is no nth={self.nth}.")


@dataclass(frozen=True)
class Seen:
    """The results of passes over some combinations of image and text.

    Attributes:
        logits: one row per combination.
        grids: at the layer; one per image, and one more for every combination that differs from its image's first.
        row: each combination's row in ``grids``.
        free: whether every image has one grid for all its texts.
        results: recorded outputs of the reusable modules: one row per image, then what the module has of it.
    """

    logits: Float[Tensor, "p classes"]
    grids: Float[Tensor, "n c h w"]
    row: Int[Tensor, " p"]
    free: bool
    results: Results


@dataclass(frozen=True, eq=False)
class Passes:
    """A model with its inputs.

    Attributes:
        model: the whole model.
        tap: the location of its grid.
        forward: calls it with images and texts.
        output: function from its result to logits.
        images: one row per image.
        texts: one row per text.
    """

    model: nn.Module
    tap: Tap
    forward: Callable[[Inputs, Inputs], Any]
    output: Callable[[Any], Tensor]
    images: Inputs
    texts: Inputs

    def logits(
        self, image: Int[Tensor, " r"], text: Int[Tensor, " r"], seed: int = 0, *, shared: bool = False
    ) -> Float[Tensor, "r classes"]:
        """One pass, with the model's own hooks; with ``shared``, rows of one image share its memory."""
        images, texts = (spread if shared else take)(self.images, image), take(self.texts, text)
        with steady(self.model, seed), eager(self.model):
            with naming_failure("the model", images, texts):
                result = self.forward(images, texts)
            with naming_failure("output=", result):
                logits = self.output(result)
        return logits_of(logits, len(image))

    @torch.no_grad()
    def again(self, images: Inputs, image: int, text: Int[Tensor, " t"]) -> Float[Tensor, "t m classes"]:
        """Logits of other images, all in the place of one, each with each of some texts: as many whole passes."""
        other, number = replace(self, images=images), count(images, "image")
        rows, texts = torch.arange(number).repeat(len(text)), text.cpu().repeat_interleave(number)
        parts = [other.logits(rows[some], texts[some]) for some in portions(len(rows))]
        return joined(parts).view(len(text), number, -1)

    def watched(
        self,
        image: Int[Tensor, " r"],
        text: Int[Tensor, " r"],
        change: Callable[[Any], Any],
        *,
        shared: bool = False,
    ) -> Float[Tensor, "r classes"]:
        """One pass in which the layer's output goes through ``change``, before all hooks."""
        with at_layer(self.tap.layer, self.tap.nth or 0, change) as calls:
            logits = self.logits(image, text, shared=shared)
        self.tap.check(calls.count)
        return logits

    def placed(self, layout: Layout | LayoutRule, image: Int[Tensor, " r"], text: Int[Tensor, " r"]) -> Layout:
        """The layout of the layer's output in a pass of these rows."""
        return (
            layout if isinstance(layout, Layout) else placed(layout, take(self.images, image), take(self.texts, text))
        )

    def see(
        self,
        image: Int[Tensor, " p"],
        text: Int[Tensor, " p"],
        layout: Layout | LayoutRule,
        *,
        kept: Mapping[nn.Module, int],
        share: bool = True,
        gradients: bool = False,
    ) -> Seen:
        """Run every combination with the unchanged model, a few at a time, and keep what will be needed.

        Args:
            image: the image of each combination.
            text: the text of each combination.
            layout: layout of the layer's output.
            kept: modules to record for the first combination of each image, with their number of calls.
            share: let combinations with the same grid share it.
            gradients: run as for an explanation, with gradients from the layer on.
        """
        folded = isinstance(self.placed(layout, image[:1], text[:1]), Heads | Packed | Tiles)
        collected = _Collected(rounding_of(self.model).of_grids if share else -1.0, folded)
        for rows in portions(len(image)):
            grids: list[Tensor] = []
            laid = self.placed(layout, image[rows], text[rows])

            def change(
                output: Any, grids: list[Tensor] = grids, laid: Layout = laid, asked: int = len(image[rows])
            ) -> Any:
                here = self.tap.read(output)
                grids.append(grids_of(laid, here, asked, self.tap.name).detach().clone())
                if not gradients:
                    return None
                return exchanged(output, self.tap.part, here.detach().clone().requires_grad_() * 1)

            with torch.set_grad_enabled(gradients), keeping(kept) as results:
                logits = self.watched(image[rows], text[rows], change).detach()
            collected.add(image[rows], logits, grids[0].float(), results)
        return collected.seen(kept)


@dataclass(frozen=True, eq=False)
class Replay:
    """The rest of a forward pass: the model runs with given grids at the layer; modules that may be reused give what was recorded.

    Attributes:
        passes: the model and its inputs.
        layout: layout of the layer's output.
        image_of: for each row of grids, its image.
        results: recorded results, one row per row of grids.
        classes: number of logits per row.
        shared: rows of one image share its memory and that of what was recorded, so that more of them fit in a pass; a model that works
            in place on it fails.
    """

    passes: Passes
    layout: Layout | LayoutRule
    image_of: Int[Tensor, " n"]
    results: Results
    classes: int
    shared: bool = False

    def __call__(
        self, grid: Float[Tensor, "r c h w"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        """Logits of rows of grids with texts."""
        parts = [self._part(grid[rows], image[rows], text[rows]) for rows in portions(len(grid), self._at_once(grid))]
        return joined([*parts, parts[0].new_zeros(0, self.classes)])

    def _at_once(self, grid: Tensor) -> int:
        """Rows of a pass: as many as grids fit, where the rest of what runs takes no memory of its own."""
        fit = (
            _BYTES_AT_ONCE * len(grid) // max(1, grid.untyped_storage().nbytes())
        )  # a mean in every cell takes the memory of one
        return max(_ROWS_AT_ONCE, min(fit, _MANY_ROWS)) if self.shared else _ROWS_AT_ONCE

    def _part(self, grid: Tensor, image: Tensor, text: Tensor) -> Tensor:
        tap, number = self.passes.tap, self.image_of.to(image.device)[image]
        layout = self.passes.placed(self.layout, number, text)

        def change(output: Any) -> Any:
            here = tap.read(output)
            return exchanged(output, tap.part, layout.write(here.detach(), grid.to(here.dtype)))

        with reusing(self.results, image, shared=self.shared):
            return self.passes.watched(number, text, change, shared=self.shared)


def portions(rows: int, most: int = _ROWS_AT_ONCE) -> list[slice]:
    """Slices of at most so many rows: the batch size for a model."""
    return [slice(start, start + most) for start in range(0, rows, most)]


def joined(parts: list[Tensor]) -> Float[Tensor, "p classes"]:
    """The concatenated logits of several passes.

    Raises:
        ModelError: their number of columns depends on their number of rows.
    """
    widths = [part.shape[1] for part in parts]
    if len(set(widths)) > 1:
        raise ModelError(all_against_all(parts[0]))
    return torch.cat(parts)


def all_against_all(logits: Float[Tensor, "r classes"]) -> str:
    """Says what is wrong with an output that has as many columns as rows."""
    return (
        f"the output has {logits.shape[1]} columns for {len(logits)} rows and a different number for other batches: a score of every image "
        "with every text, not of classes; give row i's own, e.g. output=lambda out: out.diagonal()."
    )


@dataclass
class _Collected:
    """Collects batches; grids and results that are the same for all texts of an image are stored once.

    Attributes:
        tolerance: largest difference of grids that count as equal; below 0 none do.
        folded: whether a row may have several entries in a module's result, one after the other (tiles, packed patches).
    """

    tolerance: float
    folded: bool
    logits: list[Tensor] = field(default_factory=list)
    grids: list[Tensor] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)
    row: list[int] = field(default_factory=list)
    results: list[Results] = field(default_factory=list)
    held: int = 0

    def add(self, image: Tensor, logits: Tensor, grids: Tensor, results: Results) -> None:
        self.logits.append(logits)
        new = []
        for index, number in enumerate(image.tolist()):
            known = self.place.get(number)
            if known is not None and apart(grids[index], self.grids[known]) <= self.tolerance:
                self.row.append(known)
                continue
            if known is None:
                self.place[number] = len(self.grids)
                new.append(index)
            self.row.append(len(self.grids))
            self.grids.append(grids[index])
        rows = {
            module: [self._by_row(each, len(image))[new] for each in outputs if self._has_rows(each, len(image))]
            for module, outputs in results.items()
        }
        self.held += sum(each.nbytes for outputs in rows.values() for each in outputs)
        self.results.append(rows if self.held <= MAX_BYTES else {})

    def _has_rows(self, output: Tensor, rows: int) -> bool:
        return len(output) == rows or (self.folded and len(output) % rows == 0)

    def _by_row(self, output: Tensor, rows: int) -> Tensor:
        return output.reshape(rows, len(output) // rows, *output.shape[1:])

    def seen(self, kept: Mapping[nn.Module, int]) -> Seen:
        row = torch.tensor(self.row, device=self.logits[0].device)
        free = len(self.grids) == len(self.place)
        return Seen(joined(self.logits), torch.stack(self.grids), row, free, dict(self._results(kept)))

    def _results(self, kept: Mapping[nn.Module, int]) -> Iterator[tuple[nn.Module, list[Tensor]]]:
        """The results of the modules that gave as much per input in every call and batch; none if they take too much memory."""
        for module, times in kept.items():
            if all(len(part.get(module, [])) == times for part in self.results):
                calls = list(zip(*(part[module] for part in self.results), strict=True))
                if all(len({each.shape[1:] for each in call}) == 1 for call in calls):
                    yield module, [torch.cat(call) for call in calls]
