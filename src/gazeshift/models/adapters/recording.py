"""Watch one forward pass: what a layer gave, and what was done before it that need not be done again."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

_MOST_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Call:
    """One call of a module and the tensor it gave, None for other results."""

    module: nn.Module
    output: Tensor | None


@dataclass(frozen=True)
class Recording:
    """A forward pass.

    Attributes:
        result: what the model returned.
        layer_output: what the layer gave when it was called for the ``nth`` time; None if it never was.
        layer_calls: how often the layer ran.
        before: calls of the outermost modules that had finished by then, the layer's own last. Modules that hold the layer are
            looked into, never taken whole: each of them may run several times, and the layer's calls are counted.
        counts: how often each module had been called by then, inside others too.
    """

    result: Any
    layer_output: Any
    layer_calls: int
    before: tuple[Call, ...]
    counts: Mapping[nn.Module, int]


def record(model: nn.Module, layer: nn.Module, nth: int, run: Callable[[], Any]) -> Recording:
    """Run a model and watch; every hook is gone afterwards, also after an exception."""
    done: list[Call] = []
    open_calls: list[int] = []
    seen: list[Any] = []
    counts: Counter[nn.Module] = Counter()
    holders = {module for module in model.modules() if module is not layer and layer in set(module.modules())}

    def enter(module: nn.Module, arguments: Any) -> None:
        open_calls.append(len(done))

    def leave(module: nn.Module, arguments: Any, output: Any) -> None:
        start = open_calls.pop()
        if len(seen) <= nth and module not in holders:
            counts[module] += 1
            # What ran inside this module is part of its result. The clone is safe from what works in place on it later.
            done[start:] = [Call(module, output.detach().clone() if isinstance(output, Tensor) else None)]
        if module is layer:
            seen.append(output if len(seen) != nth else _copy(output))

    with ExitStack() as hooks:
        for module in model.modules():
            hooks.enter_context(module.register_forward_pre_hook(enter))
            hooks.enter_context(module.register_forward_hook(leave))
        result = run()
    return Recording(result, seen[nth] if nth < len(seen) else None, len(seen), tuple(done), counts)


@contextmanager
def replaying(calls: list[Call], index: Int[Tensor, " r"]) -> Iterator[None]:
    """For a while, let modules give recorded results (rows ``index`` of them) without running; later calls of the same module run."""
    by_module: dict[nn.Module, list[Tensor]] = {}
    for call in calls:
        if call.output is not None:
            by_module.setdefault(call.module, []).append(call.output)
    changed: list[nn.Module] = []
    try:
        for module, outputs in by_module.items():
            vars(module)["forward"] = _recorded(module.forward, outputs, index)
            changed.append(module)
        yield
    finally:
        for module in changed:
            del vars(module)["forward"]


def repeatable(trial: Recording, tried: int, main: Recording, rows: int) -> list[Call]:
    """The calls before the layer whose results may be reused, told by a trial run on one image with several texts.

    A result may be reused if the trial's rows agree (no text in it), it has a row per input, and its module is free of other people's
    hooks. A module is reused in all its calls or in none.

    Args:
        trial: the run on ``tried`` rows, one image with as many texts.
        tried: how many these were.
        main: the run whose results would be reused.
        rows: its number of images.
    """
    if [call.module for call in trial.before] != [call.module for call in main.before]:
        return []
    refused = {
        call.module
        for call, other in zip(main.before, trial.before, strict=True)
        if call.output is None
        or other.output is None
        or not rows_agree(other.output, tried)
        or len(call.output) != rows
        or not _plain(call.module)
    }
    # A module that also ran inside another one would hand out its results in the wrong order, should that one run.
    direct = Counter(call.module for call in main.before)
    refused |= {module for module, times in direct.items() if times != main.counts[module]}
    kept = [call for call in main.before if call.module not in refused]
    size = sum(call.output.nbytes for call in kept if call.output is not None)
    return kept if size <= _MOST_BYTES else []


def rows_agree(output: Tensor, rows: int) -> bool:
    """Whether a result has this many rows, all the same but for rounding.

    Example:
        >>> rows_agree(torch.ones(2, 5), 2), rows_agree(torch.tensor([[1.0], [2.0]]), 2), rows_agree(torch.ones(1, 5), 2)
        (True, False, False)
    """
    if output.ndim < 2 or len(output) != rows:  # a single axis is a vector of settings more often than one value a row
        return False
    first, others = output[:1].float(), output[1:].float()
    return torch.equal(first.expand_as(others), others) or bool(
        (others - first).abs().max() <= 1e-6 * first.abs().max()
    )


def _plain(module: nn.Module) -> bool:
    hooks = module._forward_hooks or module._forward_pre_hooks  # torch has no public way to ask
    return not hooks and "forward" not in vars(module) and not isinstance(module, torch.jit.ScriptModule)


def _recorded(forward: Callable[..., Any], outputs: list[Tensor], index: Tensor) -> Callable[..., Any]:
    remaining = iter(outputs)

    def again(*arguments: Any, **named: Any) -> Any:
        output = next(remaining, None)
        return forward(*arguments, **named) if output is None else output[index]

    return again


def _copy(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output.detach().clone()
    if isinstance(output, list | tuple):
        return type(output)(_copy(value) for value in output)
    return output
