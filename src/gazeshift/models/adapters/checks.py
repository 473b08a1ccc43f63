"""An adapter's self-checks before a map is computed: single rows, and one small change at the layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import CheckpointError

from gazeshift.errors import ModelError
from gazeshift.models.adapters.bound_module import BoundModule, Tail
from gazeshift.models.adapters.inputs import Inputs, count, extremes, leaves, take
from gazeshift.models.adapters.passes import all_against_all
from gazeshift.models.adapters.rounding import Rounding, apart
from gazeshift.models.bound import predicted

ONE_BY_ONE = (
    "what follows the layer treats a row differently when other rows are in the batch: each row gets its own pass"
)
WAY_OUT = "If you know better, pass check=False."
_ALONE = 8
"""How many combinations are also checked in a pass of their own; all of them if there are no more than this."""
_CHECKPOINTS = "switch gradient checkpointing off"
_STEP = 0.05
"""Norm of a small change, as a fraction of the grid's own norm."""
_FAULT = 0.02
"""By how much gradient and difference may disagree, as a fraction of them, beyond what curvature and rounding explain."""

Alone = Callable[[int, int], Float[Tensor, "1 classes"]]
"""Maps a combination's index and a random seed to its logits in a pass of its own."""
Changed = Callable[[int, Float[Tensor, "m c h w"]], Float[Tensor, "m classes"]]
"""Maps a combination's index and what is added to its grid to the logits of a pass in which nothing else changes."""


def to_be_alone(
    images: Inputs, texts: Inputs, image: Int[Tensor, " p"], text: Int[Tensor, " p"], most: int = _ALONE
) -> list[int]:
    """Combinations to run alone: those with an extreme image or text, and others spread over all.

    Arbitrary ones are not enough: if a model trims its texts to the longest in a batch, or divides by the largest value, most rows do
    not depend on the rest of the batch, but the shortest do.

    Args:
        images: one row per image.
        texts: one row per text.
        image: the image of each combination.
        text: the text of each combination.
        most: how many, unless more are extreme.
    """
    chosen: set[int] = set()
    for inputs, index in ((images, image.tolist()), (texts, text.tolist())):
        chosen |= {index.index(row) for row in extremes(inputs) if row in index}
    others = len(image) if len(image) <= most else max(2, most - len(chosen))
    return sorted(chosen | set(torch.linspace(0, len(image) - 1, others).round().long().tolist()))


def check_company(alone: Alone, numbers: Sequence[int], logits: Float[Tensor, "p classes"], rounding: Rounding) -> None:
    """Combinations must give the same logits in a pass of their own as in a batch.

    Args:
        alone: runs a single combination.
        numbers: which combinations to run.
        logits: logits of all combinations, from passes of several rows.
        rounding: rounding of the model.

    Raises:
        ModelError: the logits differ; says whether scores are all against all, outputs are random, or rows depend on each other.
    """
    scale, first = _largest(logits) / 100, numbers[0]
    own = alone(first, 0)
    if apart(own, alone(first, 1), scale) > rounding.to_refuse:
        raise ModelError(
            "two passes give different logits: the model draws random numbers in evaluation mode, or keeps state from one pass "
            f"to the next; switch that off. {WAY_OUT}"
        )
    for number in numbers if len(logits) > 1 else ():
        one, among = own if number == first else alone(number, 0), logits[number : number + 1]
        if one.shape != among.shape:
            raise ModelError(all_against_all(logits))
        if apart(one, among, scale) <= rounding.to_refuse:
            continue
        raise ModelError(
            f"row {number} gets different logits alone than in a batch (one moves by {_moved(one, among):.2g}): the rows depend "
            f"on each other, as with a batch norm without running statistics; give one image with one text per call. {WAY_OUT}"
        )


def check_reading(read: Callable[[Inputs], Inputs], texts: Inputs, encoded: Inputs, rounding: Rounding) -> None:
    """Extreme texts, and the first and last, must be read the same alone as in a batch.

    Args:
        read: function from texts to the model's input.
        texts: all of them.
        encoded: the result for all texts.
        rounding: rounding of the model.

    Raises:
        ModelError: a different row for one of them, or a different number of rows.
    """
    rows, asked = count(encoded, "encoded text"), count(texts, "text")
    if rows != asked:
        raise ModelError(f"read_text= gives {rows} rows for {asked} texts; it must give one row per text.")
    for row in sorted({*extremes(texts), 0, rows - 1}) if rows > 1 else ():
        index = torch.tensor([row])
        pairs = zip(leaves(read(take(texts, index))), leaves(take(encoded, index)), strict=True)
        values = [pair for pair in pairs if all(isinstance(one, Tensor) for one in pair)]
        # Token features are padded to the longest text: their shapes differ, and they come with a mask.
        if any(one.shape == other.shape and apart(one, other) > rounding.to_refuse for one, other in values):
            raise ModelError(
                f"read_text= reads text {row} differently alone than in a batch: its result depends on the longest text, or on the "
                f"batch; read one text per call. {WAY_OUT}"
            )


def heeds_neighbours(bound: BoundModule, rounding: Rounding) -> bool:
    """Whether what follows the layer gives the first combination different logits when larger grids come before and after it.

    Some methods run a single combination with many grids at once.
    """
    rows, texts = bound.row[:1].repeat(3), bound.text[:1].repeat(3)
    sizes = torch.tensor([2.0, 1.0, 3.0], device=bound.grid.device)[:, None, None, None]
    try:
        among = bound.logits(bound.grid[rows] * sizes, rows, texts)
    except (RuntimeError, ModelError):
        return True
    return apart(among[1:2], bound.answers[:1]) > rounding.to_refuse


def one_by_one(tail: Tail) -> Tail:
    """The same, with every row in a pass of its own."""

    def single(grid: Tensor, image: Tensor, text: Tensor) -> Tensor:
        return torch.cat(
            [tail(grid[row : row + 1], image[row : row + 1], text[row : row + 1]) for row in range(len(grid))]
        )

    return single


def each_alone(changed: Changed) -> Changed:
    """The same, with every grid in a pass of its own."""
    return lambda number, added: torch.cat([changed(number, one[None]) for one in added])


def check_gradient(bound: BoundModule, layer: str) -> None:
    """One row from the grid to the output: refuses a model without a gradient, before any map is computed.

    Raises:
        ModelError: the output does not depend on the grid.
    """
    if _slope(bound, 0, 0) is None:
        raise ModelError(
            f"the output does not depend on {layer}: choose a layer that it depends on (or the model detaches it, runs under no_grad, or "
            f"computes it a second time: {_CHECKPOINTS})."
        )


def check_difference(bound: BoundModule, changed: Changed, layer: str, rounding: Rounding) -> None:
    """One finite difference: the effect of a small change at the layer on a logit must match the gradient.

    The change is along one fixed random direction, of the first combination whose logits are finite, for its predicted class.

    Args:
        bound: the model, after its first pass.
        changed: runs a combination with other grids.
        layer: its name in messages.
        rounding: rounding of the model.

    Raises:
        ModelError: gradient and difference disagree by more than curvature and rounding explain.
    """
    targets = predicted(bound.answers)
    finite = torch.isfinite(bound.answers.gather(1, targets[:, None])[:, 0]).nonzero()
    if not len(finite):
        return
    number = int(finite[0])
    target, grid = int(targets[number]), bound.grid[bound.row[number]]
    found = _slope(bound, number, target)
    if found is None or not bool(torch.isfinite(found).all() and torch.isfinite(grid).all()):
        return
    slope = found
    # What is exactly 0 stays: behind a ReLU such cells often stand on the kink of the next, where there is no slope to compare with.
    step = _STEP * grid.square().mean().sqrt() * _direction(grid) * (grid != 0)

    def measured(step: Float[Tensor, "c h w"]) -> _Difference:
        up, down = changed(number, torch.stack([step, -step]))[:, target].tolist()
        return _Difference(float((slope * step).sum()), (up - down) / 2)

    whole = measured(step)
    expected = float(slope.norm() * step.norm()) / step.numel() ** 0.5  # for a direction independent of the slope
    noise = rounding.of_logits * _largest(bound.answers)
    if abs(whole.error) <= _FAULT * max(abs(whole.moved), abs(whole.said), expected) + noise:
        return
    # If the step crosses kinks (ReLU, maxima) the disagreement shrinks with the step; if it is rounding it grows.
    if any(abs(part * measured(step / part).error - whole.error) > 0.3 * abs(whole.error) for part in (10, 100)):
        return
    raise ModelError(
        f"a small change at {layer} moves the logit by {whole.moved:.2g}, and the gradient says {whole.said:.2g}: what the layer gives "
        "also reaches the output another way (changed in place, kept aside inside the layer), or gradients are altered after it (detach, "
        f"rounding, a backward hook); choose another layer. {WAY_OUT}"
    )


@dataclass(frozen=True)
class _Difference:
    """The effect of a step on a logit.

    Attributes:
        said: the effect predicted by the gradient.
        moved: half the difference between a step up and a step down.
    """

    said: float
    moved: float

    @property
    def error(self) -> float:
        return self.moved - self.said


def _slope(bound: BoundModule, number: int, target: int) -> Float[Tensor, "c h w"] | None:
    """Gradient of one combination's logit; None where there is none."""
    row = bound.row[number : number + 1]
    with torch.inference_mode(False), torch.enable_grad():
        leaf = bound.grid[row].detach().clone().requires_grad_()
        logits = bound.logits(leaf * 1, row, bound.text[number : number + 1])
        if not logits.requires_grad:
            return None
        try:
            (slope,) = torch.autograd.grad(logits[0, target], leaf, allow_unused=True)
        except CheckpointError as error:
            raise ModelError(
                f"the model computes its activations a second time for a gradient: {_CHECKPOINTS}."
            ) from error
    return None if slope is None else slope[0]


def _direction(grid: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Fixed random numbers of mean square 1, half of them equal in all cells, because many models only use the cells' mean."""
    generator = torch.Generator().manual_seed(0)
    channels = torch.randn(len(grid), 1, 1, generator=generator)
    cells = torch.randn(grid.shape, generator=generator)
    return ((channels + cells) / 2**0.5).to(grid.device)


def _moved(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def _largest(logits: Tensor) -> float:
    return float(logits.nan_to_num(0, 0, 0).abs().max())
