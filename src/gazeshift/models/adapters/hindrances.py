"""What prevents observing a model at a layer, by cause: compiled, scripted, traced or quantised parts, inputs it fails on."""

import re
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError, listed
from gazeshift.models.adapters.inputs import Inputs, PackedRows, described, leaves

_LONGEST = 160
_WAYS_OUT = {
    "same device|expected device": "move the inputs to the model's device with .to(...)",
    "image size .* match model": "take the processor that was saved with this model",
    "index out of range in self|num_embeddings": "tokens beyond the model's vocabulary: take the tokenizer that was saved with this model",
}
"""What to do about some exceptions of PyTorch and transformers, by what they say."""
_PACKED = (torch.uint8, torch.int8)
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


def not_finite(images: Inputs, texts: Inputs, grid: Tensor) -> tuple[str, ...]:
    """The first place where numbers are NaN or infinite, in a sentence; nothing if all are finite down to the layer."""
    read = {"a picture": (images, "what preprocess= does"), "a text": (texts, "what tokenizer= gives")}
    for kind, (inputs, check) in read.items():
        if not all(_finite(leaf) for leaf in leaves(inputs)):
            return (f"what the model reads of {kind} is not finite, nor is anything after it: check {check}",)
    if _finite(grid):
        return ()
    return (
        "the layer's output is not finite, though what it reads is: check the model's weights, and whether half precision overflows",
    )


def _finite(leaf: object) -> bool:
    values = leaf.values if isinstance(leaf, PackedRows) else leaf
    return not isinstance(values, Tensor) or bool(torch.isfinite(values).all())


@contextmanager
def naming_quantised(model: nn.Module, *errors: type[Exception]) -> Iterator[None]:
    """Explain such errors of a model with quantised parts: these have no gradient, and round differently with the batch.

    Parts of others than PyTorch (4 bits, 8 bits) are known by weights of one byte each or less. Some of these give gradients, so what
    happened is said, too.

    Raises:
        ModelError: instead of them.
    """
    try:
        yield
    except errors as error:
        kinds = {name: type(module).__module__ for name, module in model.named_modules()}
        parts = [name for name, kind in kinds.items() if kind.startswith(_QUANTISED) and "._" not in name]
        if parts:
            raise ModelError(
                f"the model has quantised parts ({listed(parts, 3)}), which give no gradient and round differently with the batch: "
                + _advice()
            ) from error
        if not (packed := _packed(model)):
            raise
        raise ModelError(
            f"{str(error).rstrip('.')}. The weights of {listed(packed, 3)} are quantised, and such layers may give no gradient: "
            + _advice()
        ) from error


def on_quantised(model: nn.Module) -> tuple[str, ...]:
    """What to know about a model with weights of a byte or less, in a sentence; nothing about others."""
    packed = _packed(model)
    if not packed:
        return ()
    return (
        f"the weights of {listed(packed, 3)} are quantised: if these layers also round what they read, gradients do not know it; compare "
        "with method='occlusion'",
    )


def _packed(model: nn.Module) -> list[str]:
    """Modules with such weights."""
    stored = chain(model.named_parameters(), model.named_buffers())
    return sorted({name.rpartition(".")[0] for name, value in stored if value.dtype in _PACKED})


@contextmanager
def eager(model: nn.Module) -> Iterator[None]:
    """Run parts compiled with ``torch.compile`` in eager mode for a while, because compiled code does not call hooks added later."""
    with ExitStack() as stack:
        if any("_orig_mod" in module._modules or module._compiled_call_impl is not None for module in model.modules()):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def naming_failure(what: str, *inputs: Inputs) -> AbstractContextManager[None]:
    """Turn an exception inside a model into one line that describes the inputs; the exception itself becomes the cause.

    Args:
        what: what fails, for the line.
        inputs: what it was given.

    Raises:
        ModelError: instead of it. gazeshift's own exceptions, and running out of memory, are passed on.
    """
    return _NamingFailure(what, inputs)


@dataclass(frozen=True, eq=False)
class _NamingFailure(AbstractContextManager[None]):
    """No generator: what one raises instead of an exception stays in a cycle with it (CPython 3.12), and so do the inputs."""

    what: str
    inputs: tuple[Inputs, ...]

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        named = RuntimeError | TypeError | ValueError | LookupError | AttributeError
        if not isinstance(error, named) or isinstance(error, torch.OutOfMemoryError):
            return
        said = textwrap.shorten(str(error).partition("\n")[0], _LONGEST, placeholder=" ...")
        way = next((f"; {way}" for pattern, way in _WAYS_OUT.items() if re.search(pattern, said)), "")
        raise ModelError(
            f"{self.what} fails on {described(self.inputs)}: {type(error).__name__}: {said}{way}"
        ) from error


def _advice() -> str:
    return "explain the model before quantisation."
