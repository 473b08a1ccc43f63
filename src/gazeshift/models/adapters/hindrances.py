"""What prevents observing a model at a layer, by cause: compiled, scripted, traced or quantised parts, inputs it fails on."""

import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError, listed
from gazeshift.models.adapters.inputs import Inputs, described

_LONGEST = 160
_QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")


def refuse_unwatchable(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Refuse a layer with an output that no hook sees.

    Raises:
        ModelError: it is scripted, or is not called by the graph of a traced model; says what to use instead.
    """
    if isinstance(layer, torch.jit.ScriptModule):
        raise ModelError(
            f"layer {name!r} is scripted or traced (torch.jit) and cannot be inspected: give the original module."
        )
    for around, graph in model.named_modules():
        if isinstance(graph, torch.fx.GraphModule) and layer is not graph and layer in set(graph.modules()):
            called = {str(node.target) for node in graph.graph.nodes if node.op == "call_module"}
            own = name.removeprefix(f"{around}.") if around else name
            if not any(own == one or own.startswith(f"{one}.") for one in called):
                has = f"it calls {listed(sorted(called))}" if called else "it calls no module at all"
                raise ModelError(
                    f"layer {name!r} is in a traced graph (torch.fx, torch.export) that does not call it ({has}): give the original "
                    "module."
                )


def refuse_numbers(output: Tensor, name: str) -> Tensor:
    """A layer's output, if its type carries gradients.

    Raises:
        ModelError: whole or quantised numbers.
    """
    if output.is_floating_point():
        return output
    kind = str(output.dtype).removeprefix("torch.")
    raise ModelError(
        f"layer {name!r} gives numbers of type {kind}, which carry no gradient: "
        + (_advice() if output.is_quantized else "choose a layer that gives floating point numbers.")
    )


@contextmanager
def naming_quantised(model: nn.Module, *errors: type[Exception]) -> Iterator[None]:
    """Explain such errors of a model with quantised parts: these have no gradient, and round differently with the batch.

    Raises:
        ModelError: instead of them.
    """
    try:
        yield
    except errors as error:
        kinds = {name: type(module).__module__ for name, module in model.named_modules()}
        parts = [name for name, kind in kinds.items() if kind.startswith(_QUANTISED) and "._" not in name]
        if not parts:
            raise
        raise ModelError(
            f"the model has quantised parts ({listed(parts, 3)}), which give no gradient and round differently with the batch: "
            + _advice()
        ) from error


@contextmanager
def eager(model: nn.Module) -> Iterator[None]:
    """Run parts compiled with ``torch.compile`` in eager mode for a while, because compiled code does not call hooks added later."""
    with ExitStack() as stack:
        if any("_orig_mod" in module._modules or module._compiled_call_impl is not None for module in model.modules()):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextmanager
def naming_failure(what: str, *inputs: Inputs) -> Iterator[None]:
    """Turn an exception inside a model into one line that describes the inputs; the exception itself becomes the cause.

    Raises:
        ModelError: instead of it. gazeshift's own exceptions, and running out of memory, are passed on.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        said = textwrap.shorten(str(error).partition("\n")[0], _LONGEST, placeholder=" ...")
        raise ModelError(f"{what} fails on {described(inputs)}: {type(error).__name__}: {said}") from error


def _advice() -> str:
    return "explain the model before quantisation."
