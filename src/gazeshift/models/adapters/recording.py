"""Observe a forward pass at one layer, and skip what ran before it."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

MAX_BYTES = 512 * 2**20
"""Maximum number of module results cached at once; beyond that the modules run again."""

Results = dict[nn.Module, list[Tensor]]
"""Outputs of modules, one tensor per call, in the order of the calls; for reuse with an axis of rows and one of what each row has."""


@dataclass
class Calls:
    """How often the layer has run in the observed pass."""

    count: int = 0


@contextmanager
def at_layer(layer: nn.Module, nth: int, change: Callable[[Any], Any]) -> Iterator[Calls]:
    """Within the block, pass the output of the layer's ``nth`` call to ``change``, before all existing hooks.

    Hooks run in order of registration, and a later hook cannot replace what an earlier one has taken; so ours comes first.

    Args:
        layer: the module.
        nth: which call of it, counted from 0.
        change: gets the layer's output and returns its replacement, or None to keep it.
    """
    calls = Calls()

    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        calls.count += 1
        return change(output) if calls.count == nth + 1 else None

    handle = layer.register_forward_hook(hook, prepend=True)
    try:
        yield calls
    finally:
        handle.remove()


def reusable(
    model: nn.Module, layer: nn.Module, nth: int, read: Callable[[Any], Tensor], run: Callable[[], Any]
) -> dict[nn.Module, int]:
    """Modules with results that flow into the layer's output, found from the autograd graph of one pass of one row.

    If no text reaches the layer, none reaches them: they may return a recorded result for every text. What runs before the layer
    but bypasses it (a text encoder, a side branch) is not among them. Of nested modules, the outermost that
    returns a tensor is used; modules that contain the layer, that have been patched, or that also run elsewhere are left out.

    Args:
        model: the whole model, its parameters frozen.
        layer: the layer.
        nth: which call of it, counted from 0.
        read: function from the layer's output to the tensor that holds the grid.
        run: runs the model on one row.

    Returns:
        The modules, each with the number of its calls before the layer's output.
    """
    done: list[tuple[nn.Module, Any]] = []
    open_calls: list[int] = []
    counts: Counter[nn.Module] = Counter()
    roots: list[Any] = []
    holders = {module for module in model.modules() if module is not layer and layer in set(module.modules())}

    def enter(module: nn.Module, arguments: Any) -> None:
        open_calls.append(len(done))

    def leave(module: nn.Module, arguments: Any, output: Any) -> Any:
        start = open_calls.pop()
        if roots or module in holders:
            return None
        counts[module] += 1
        marked = None
        if isinstance(output, Tensor):
            marked = _marked(output)
            done[start:] = [(module, marked.grad_fn if marked.ndim > 1 else None)]
        if module is layer and counts[layer] == nth + 1:
            roots.append(read(output if marked is None else marked).grad_fn)
        return marked

    with ExitStack() as hooks:
        for module in model.modules():
            hooks.enter_context(module.register_forward_pre_hook(enter))
            hooks.enter_context(module.register_forward_hook(leave, prepend=True))
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers read from tensors that are in a graph here, and only here
            run()
    upstream = _upstream(roots)
    direct = Counter(module for module, _ in done)
    refused = {module for module, node in done if node not in upstream or not _plain(module)}
    refused |= {module for module, times in direct.items() if times != counts[module]}
    return {module: times for module, times in direct.items() if module not in refused}


@contextmanager
def keeping(modules: Mapping[nn.Module, int]) -> Iterator[Results]:
    """Within the block, keep a copy of the results of modules' first calls; safe from later in-place changes."""
    results: Results = {module: [] for module in modules}

    def keep(module: nn.Module, arguments: Any, output: Any) -> None:
        if len(results[module]) < modules[module]:
            results[module].append(output.detach().clone())

    with ExitStack() as hooks:
        for module in modules:
            hooks.enter_context(module.register_forward_hook(keep, prepend=True))
        yield results


@contextmanager
def reusing(
    results: Mapping[nn.Module, list[Tensor]], index: Int[Tensor, " r"], *, shared: bool = False
) -> Iterator[None]:
    """Within the block, modules return recorded results (rows ``index`` of them) without running; later calls of the same module run.

    With ``shared``, equal rows share their memory: whatever works in place on them fails.
    """
    changed: list[nn.Module] = []
    try:
        for module, outputs in results.items():
            vars(module)["forward"] = _recorded(module.forward, outputs, index, shared)
            changed.append(module)
        yield
    finally:
        for module in changed:
            del vars(module)["forward"]


def _marked(output: Tensor) -> Tensor:
    """The same values with a node in the graph."""
    if output.requires_grad or not (output.is_floating_point() or output.is_complex()):
        return output
    with torch.enable_grad():
        return output.detach().requires_grad_() * 1


def _upstream(roots: list[Any]) -> set[Any]:
    """Every node of the graph that these are computed from, and they themselves."""
    found: set[Any] = set()
    waiting = [node for node in roots if node is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [before for before, _ in node.next_functions if before is not None]
    return found


def _plain(module: nn.Module) -> bool:
    return "forward" not in vars(module) and not isinstance(module, torch.jit.ScriptModule)


def _recorded(forward: Callable[..., Any], outputs: list[Tensor], index: Tensor, shared: bool) -> Callable[..., Any]:
    remaining = iter(outputs)

    def again(*arguments: Any, **named: Any) -> Any:
        output = next(remaining, None)
        if output is None:
            return forward(*arguments, **named)
        if shared and len(index) > 1 and bool((index == index[0]).all()):
            one = output[index[:1]]  # a copy, so that nothing can change what was recorded
            return one.expand(len(index), *one.shape[1:]).flatten(0, 1)
        return output[index].flatten(0, 1)

    return again
