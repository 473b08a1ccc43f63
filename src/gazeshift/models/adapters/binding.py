"""A third-party model bound to its inputs: run unchanged, then from its layer on, and only trusted where both agree."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.adapters.bound_module import BoundModule
from gazeshift.models.adapters.checks import (
    ONE_BY_ONE,
    WAY_OUT,
    Changed,
    check_company,
    check_difference,
    check_gradient,
    each_alone,
    heeds_neighbours,
    one_by_one,
    to_be_alone,
)
from gazeshift.models.adapters.corners import Trial
from gazeshift.models.adapters.eyes import tensor_eye
from gazeshift.models.adapters.finding import doubted, layout_of
from gazeshift.models.adapters.following import never_reaches
from gazeshift.models.adapters.heard_once import bottleneck_of
from gazeshift.models.adapters.inputs import Inputs, PackedRows, count, leaves, take
from gazeshift.models.adapters.layouts import Layout, LayoutRule, TokensAt, places_of
from gazeshift.models.adapters.means import Side, pooled, side_of_means
from gazeshift.models.adapters.parts import exchanged
from gazeshift.models.adapters.passes import Passes, Replay, Seen
from gazeshift.models.adapters.recording import Results, reusable, reusing
from gazeshift.models.adapters.rounding import Rounding, logits_apart, rounding_of
from gazeshift.models.features import TokenPlaces

_SAMPLE = 4
"""Of those combinations, how many are compared nevertheless: the layer is known to be free of text, what follows it is not."""
_MANY = 16
"""With more combinations than this, a layer that is proven free of text is not compared text by text."""


@dataclass(frozen=True, eq=False)
class Binding:
    """A model and the combinations to explain.

    Attributes:
        passes: the model with its inputs.
        grid: the layer's layout as given by the user.
        layout: layout of the layer's output.
        output: the layer's output for the first combination.
        trial: the pass that produced it.
        kept: modules that may be reused if no text reaches the layer, with their number of calls.
        image: the image of each combination.
        text: the text of each combination.
    """

    passes: Passes
    grid: str | Layout | LayoutRule | None
    layout: Layout | LayoutRule
    output: Tensor
    trial: Trial
    kept: dict[torch.nn.Module, int]
    image: Int[Tensor, " p"]
    text: Int[Tensor, " p"]

    @classmethod
    def of(
        cls,
        passes: Passes,
        grid: str | Layout | LayoutRule | None,
        image: Int[Tensor, " p"],
        text: Int[Tensor, " p"],
    ) -> "Binding":
        """Find the layout and the reusable modules with one pass of the first combination.

        Raises:
            ModelError: the layer does not run, or has no grid.
        """
        tap, found = passes.tap, []

        def look(output: object) -> None:
            found.append(tap.read(output).detach())

        def run() -> Tensor:
            return passes.watched(image[:1], text[:1], look)

        try:
            kept = reusable(passes.model, tap.layer, tap.nth or 0, tap.read, run)
        except (RuntimeError, ModelError):
            # A trunk that only runs without gradients: nothing is reused, and other errors show up now.
            kept, found = {}, []
            run()

        def other(changed: Inputs) -> Tensor:
            every = torch.arange(count(changed, "image"))
            seen: list[Tensor] = []
            replace(passes, images=changed).watched(
                every, text[:1].expand(len(every)), lambda output: seen.append(tap.read(output).detach())
            )
            return seen[0]

        trial = Trial(take(passes.images, image[:1]), 1, passes.model, tap.layer, other)
        layout = layout_of(grid, found[0], tap.name, trial)
        return cls(passes, grid, layout, found[0], trial, kept, image, text)

    @property
    def rounding(self) -> Rounding:
        """Of the model."""
        return rounding_of(self.passes.model)

    def trusted(self, text_free: bool | None, *, shared: bool = False, means: Side | None = None) -> BoundModule:
        """Without checks: one pass per image if ``text_free`` is True, and nothing reused if it is False."""
        if text_free:
            first = _first_of_each(self.image)
            seen = self.passes.see(self.image[first], self.text[first], self.layout, kept=self.kept)
            place = {image: row for row, image in enumerate(self.image[first].tolist())}
            row = torch.tensor([place[image] for image in self.image.tolist()], device=seen.row.device)
            seen = replace(seen, logits=seen.logits[row], row=row)
        else:
            seen = self._see(text_free, gradients=False)
        replay = replace(self._replay(seen, reuse=text_free is not False), shared=shared)
        bound = self._bound(seen, replay)
        bound = (
            self._narrowed(bound, replay.results, seen.free, shared=shared) if means is None else pooled(bound, means)
        )
        check_gradient(bound, self._layer)
        bound.answer()
        return bound

    def checked(self, text_free: bool | None) -> BoundModule:
        """With every row computed in two ways, and the checks of ``gazeshift.models.adapters.checks``.

        With many combinations of a model whose layer provably computes with nothing of the text, some are checked and the others trusted.

        Raises:
            ModelError: the two ways never agree, or a check fails.
        """
        if len(self.image) <= _MANY or text_free is False or not self._proven_free():
            return self._checked(text_free)
        some = to_be_alone(self.passes.images, self.passes.texts, self.image, self.text, _SAMPLE)
        sample = replace(self, image=self.image[some], text=self.text[some])._checked(text_free)
        for shared in (True, False) if sample.reuses else ():
            try:
                bound = self.trusted(text_free=True, shared=shared, means=sample.side_of_means)
            except (
                RuntimeError,
                ModelError,
            ):  # it works in place on what was recorded, or modules must run for their side effects
                continue
            if logits_apart(bound.answers[some], sample.answers) <= self.rounding.to_refuse:
                bound.notes, bound.rounding = sample.notes, sample.rounding
                return bound
        return self._checked(text_free)

    def _proven_free(self) -> bool:
        """Whether no operation of the layer's output has anything to do with the text: not a comparison of some texts, but of all."""
        texts, seen = list(leaves(self.passes.texts)), list[Tensor]()
        starts = [each.values if isinstance(each, PackedRows) else each for each in texts]
        if not all(isinstance(each, Tensor) for each in starts):
            return False

        def run() -> Tensor:
            self.passes.watched(self.image[:1], self.text[:1], lambda output: seen.append(self.passes.tap.read(output)))
            return seen[-1]

        try:
            return never_reaches(starts, run)
        except (RuntimeError, ModelError):  # an operation that cannot be followed
            return False

    def _checked(self, text_free: bool | None) -> BoundModule:
        plain = self._see(text_free, gradients=False)
        alone = to_be_alone(self.passes.images, self.passes.texts, self.image, self.text)
        check_company(self._alone, alone, plain.logits, self.rounding)
        bound, results = self._agreeing(plain, text_free)
        bound.rounding = self.rounding
        bound.notes += doubted(self.grid, self.output, self.trial)
        changed = self._changing(bound, results)
        if len(self.image) == 1 and heeds_neighbours(bound, self.rounding):
            bound.tail, bound.notes = one_by_one(bound.tail), (*bound.notes, ONE_BY_ONE)
            changed = each_alone(changed)
        check_difference(bound, changed, self._layer, self.rounding)
        side = side_of_means(bound, self.rounding)
        free = bound.reuses and len(bound.grid) == len(set(self.image.tolist()))
        return self._narrowed(bound, results, free) if side is None else pooled(bound, side)

    def _narrowed(self, bound: BoundModule, results: Results, free: bool, *, shared: bool = False) -> BoundModule:
        """The same model, with its tail in two steps if one attention after the layer alone hears the cells."""

        def later(passes: Passes, tokens: Int[Tensor, " t"]) -> BoundModule:
            rows = torch.stack([(bound.row == row).nonzero()[0, 0] for row in range(len(bound.grid))])
            image, text = bound.image[rows].cpu(), bound.text[rows].cpu()
            there = Binding.of(passes, TokensAt(tokens[:, None]), image, text)
            seen = passes.see(image, text, there.layout, kept=there.kept)
            return there._bound(seen, replace(there._replay(seen, reuse=True), shared=shared))

        if free and results and self._places() is not None:
            bound.bottleneck = bottleneck_of(self.passes, bound, results, self.rounding, later)
        return bound

    def _agreeing(self, plain: Seen, text_free: bool | None) -> tuple[BoundModule, Results]:
        """The fastest way that reproduces the unchanged model's logits, and what it reuses."""
        name, moved = self.passes.tap.name, float("inf")
        for seen, reuse in self._ways(plain, text_free):
            replay = self._replay(seen, reuse=reuse)
            bound = self._bound(seen, replay)
            try:
                check_gradient(bound, self._layer)
                moved = logits_apart(bound.answer(), seen.logits)
            except (RuntimeError, ModelError):  # what another pass has left behind may have a different shape
                if not reuse:
                    raise
                continue
            if moved > (self.rounding.of_logits if reuse else self.rounding.to_refuse):
                continue
            bound.reuses = reuse
            bound.notes = tuple(self._notes(bound, plain, alone=not reuse, text_free=text_free))
            return bound, replay.results
        raise ModelError(
            f"with the output of layer {name!r} put back, the model gives different logits (one moves by {moved:.0%} of the "
            f"largest), so it cannot be explained there; choose another layer. {WAY_OUT}"
        )

    def _ways(self, plain: Seen, text_free: bool | None) -> Iterator[tuple[Seen, bool]]:
        """Reference passes and whether modules are reused, each tried if the earlier ones do not agree."""
        yield plain, True
        with_gradients = self._see(text_free, gradients=True)
        yield with_gradients, True
        yield with_gradients, False

    def _notes(self, bound: BoundModule, plain: Seen, *, alone: bool, text_free: bool | None) -> Iterator[str]:
        name = self.passes.tap.name
        if alone and plain.results and plain.free:
            yield (
                f"what runs before layer {name!r} has side effects (attributes, caches, random numbers), so the whole "
                "model runs for every map"
            )
        moved = logits_apart(bound.answers, plain.logits)
        if moved > self.rounding.to_refuse:
            yield (
                f"without gradients the model gives different logits (one moves by {moved:.1%} of the largest; PyTorch's transformer "
                "encoder has such a fast path): classes, logits and maps are those of the pass with gradients"
            )
        if text_free and not plain.free:
            yield f"text_free=True was given, but the text reaches layer {name!r}: each combination gets its own grid"

    def _see(self, text_free: bool | None, *, gradients: bool) -> Seen:
        return self.passes.see(
            self.image, self.text, self.layout, kept=self.kept, share=text_free is not False, gradients=gradients
        )

    def _replay(self, seen: Seen, *, reuse: bool) -> Replay:
        image_of = torch.zeros(len(seen.grids), dtype=torch.long, device=seen.row.device)
        image_of[seen.row] = self.image.to(seen.row.device)
        results = seen.results if reuse and seen.free else {}
        return Replay(self.passes, self.layout, image_of, results, seen.logits.shape[1])

    def _bound(self, seen: Seen, replay: Replay) -> BoundModule:
        return BoundModule(
            self.passes.model,
            replay,
            seen.grids,
            (self.image, self.text, seen.row),
            places=self._places,
            again=self.passes.again,
            eye=tensor_eye(self.passes.images, self.passes.again),
        )

    def _places(self) -> TokenPlaces | None:
        """Where the cells are among the layer's tokens; None if that differs from row to row."""
        if isinstance(self.layout, Layout):
            return places_of(self.layout, self.output)
        rows = [slice(row, row + 1) for row in range(len(self.image))]
        laid = [self.passes.placed(self.layout, self.image[row], self.text[row]) for row in rows]
        every = [places_of(each, self.output) for each in laid]
        first = every[0]
        if first is None or not all(each is not None and torch.equal(each.cells, first.cells) for each in every):
            return None
        return first

    def _alone(self, number: int, seed: int) -> Float[Tensor, "1 classes"]:
        return self.passes.logits(self.image[number : number + 1], self.text[number : number + 1], seed)

    def _changing(self, bound: BoundModule, results: Results) -> Changed:
        """Runs a combination with the layer's own output changed in place, before every hook and for every holder of the tensor."""
        tap = self.passes.tap
        others = {module: outputs for module, outputs in results.items() if module is not tap.layer}

        def changed(number: int, added: Float[Tensor, "m c h w"]) -> Float[Tensor, "m classes"]:
            stood: list[tuple[Tensor, Tensor]] = []
            each, row = torch.full((len(added),), number), bound.row[number].expand(len(added))
            layout = self.passes.placed(self.layout, self.image[each], self.text[each])

            def change(output: object) -> object:
                here = tap.read(output)
                before = here.detach().clone()
                new = layout.write(before, (layout.read(before).float() + added).to(before.dtype))
                if _overwritten(here, new):
                    stood.append((here, before))
                return exchanged(output, tap.part, new.clone().requires_grad_() * 1)

            try:
                with torch.enable_grad(), reusing(others, row):
                    return self.passes.watched(self.image[each], self.text[each], change).detach()
            finally:
                for here, before in stood:
                    _overwritten(here, before)

        return changed

    @property
    def _layer(self) -> str:
        return f"layer {self.passes.tap.name!r}"


def _first_of_each(image: Int[Tensor, " p"]) -> Int[Tensor, " n"]:
    """The first combination of every image."""
    seen: dict[int, int] = {}
    for number, each in enumerate(image.tolist()):
        seen.setdefault(each, number)
    return torch.tensor(list(seen.values()))


@torch.no_grad()
def _overwritten(here: Tensor, new: Tensor) -> bool:
    """Change a tensor's values in place; False if several of its entries share memory."""
    try:
        here.copy_(new)
    except RuntimeError:
        return False
    return True
