"""The layers of a model that still have a grid of cells, seen in two passes that differ only in their text."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.adapters.corners import Trial
from gazeshift.models.adapters.finding import candidates
from gazeshift.models.adapters.inputs import Inputs, count, take
from gazeshift.models.adapters.layouts import grids_of
from gazeshift.models.adapters.module import HookedModel
from gazeshift.models.adapters.passes import Passes, Tap
from gazeshift.models.adapters.rounding import apart, rounding_of
from gazeshift.models.adapters.state import quiet


@dataclass(frozen=True)
class GridLayer:
    """A layer that could be explained.

    Attributes:
        name: in ``model.named_modules()``.
        kind: the module's type.
        shape: of its output.
        grid: rows and columns of its cells, by shape alone; None if several grids fit.
        part: which part of its output holds them; None if it returns a tensor.
        calls: how often it runs in a pass.
        text_reaches: whether its output differs between two texts; then every text needs its own pass of everything before it.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    grid: tuple[int, int] | None
    part: int | str | None
    calls: int
    text_reaches: bool

    def tap(self, model: nn.Module) -> Tap:
        """To explain here; of several calls, at the last."""
        return Tap(self.name, model.get_submodule(self.name), self.part, self.calls - 1 if self.calls > 1 else None)


@dataclass
class _Outputs:
    """What one module gave."""

    part: int | str | None
    tensors: list[Tensor]


def grid_layers(net: HookedModel, images: Inputs, texts: Inputs) -> tuple[GridLayer, ...]:
    """The layers with cells, in the order in which they finish.

    Args:
        net: a wrapped module; its own layer does not matter.
        images: at least one row; the first is used.
        texts: at least two rows, to see where the text reaches; one if the model reads none.
    """
    with quiet(net.model):
        passes = Passes(net.model, net.tap, net.forward, net.output, images, net.encoded(texts))
        first, second = torch.tensor([0]), torch.tensor([count(texts, "text") - 1])
        one, other = (_outputs(passes, first, text) for text in (first, second))
    image = take(images, first)
    found = []
    for name, outputs in one.items():
        if not name or not outputs.tensors:
            continue
        module, output = net.model.get_submodule(name), outputs.tensors[-1]
        # Only the shape is asked here: the layers that are suggested are tried.
        layouts = candidates(output, Trial(image, 1, net.model, module, lambda changed: changed))
        if not layouts:
            continue
        reached = not _same(outputs, other[name], rounding_of(net.model).of_grids)
        sizes = [grids_of(layout, output, 1, name).shape for layout in layouts]
        grid = (sizes[0][2], sizes[0][3]) if len({size[2:] for size in sizes}) == 1 else None
        found.append(
            GridLayer(
                name,
                type(module).__name__,
                tuple(output.shape),
                grid,
                outputs.part,
                len(outputs.tensors),
                reached,
            )
        )
    return tuple(found)


def at_layer_of(net: HookedModel, layer: GridLayer) -> HookedModel:
    """The same model, explained at another of its layers."""
    return replace(net, tap=layer.tap(net.model), grid=None)


def _outputs(passes: Passes, image: Tensor, text: Tensor) -> Mapping[str, _Outputs]:
    """What every module gives in one pass, in the order in which they finish."""
    seen: dict[str, _Outputs] = {}

    def keep(name: str, output: Any) -> None:
        part, tensor = _first_tensor(output)
        if tensor is not None and tensor.is_floating_point() and tensor.ndim > 2:
            before = seen.pop(name, _Outputs(part, []))
            seen[name] = _Outputs(part, [*before.tensors, tensor.detach().clone()])

    with ExitStack() as hooks:
        for name, module in passes.model.named_modules():
            handle = module.register_forward_hook(lambda module, given, output, name=name: keep(name, output))
            hooks.callback(handle.remove)
        passes.logits(image, text)
    return seen


def _first_tensor(output: Any) -> tuple[int | str | None, Tensor | None]:
    if isinstance(output, Tensor):
        return None, output
    parts: Iterator[tuple[int | str, Any]] = iter(())
    if isinstance(output, Mapping):
        parts = iter(output.items())
    elif isinstance(output, list | tuple):
        parts = iter(enumerate(output))
    return next(((part, each) for part, each in parts if isinstance(each, Tensor)), (None, None))


def _same(one: _Outputs, other: _Outputs, tolerance: float) -> bool:
    if len(one.tensors) != len(other.tensors):
        return False
    return all(apart(a, b) <= tolerance for a, b in zip(one.tensors, other.tensors, strict=True))


class Unplaced:
    """A module whose layer has yet to be named: everything but being explained works.

    Args:
        net: the module, wrapped at any layer.
    """

    def __init__(self, net: HookedModel) -> None:
        self.net = net

    @property
    def modules(self) -> nn.Module:
        """The module itself."""
        return self.net.model

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """As the module reads them."""
        return self.net.read(images, texts)

    def bind(self, images: Inputs, texts: Inputs, image_index: Tensor, text_index: Tensor) -> Any:
        """Refuse.

        Raises:
            ModelError: always; lists the layers that may be meant.
        """
        free = [each for each in grid_layers(self.net, images, texts) if not each.text_reaches]
        near = ", ".join(f"{each.name} ({_size(each)})" for each in free[-3:])
        raise ModelError(
            f"name the layer to explain at with layer=: the last ones that no text reaches are {near or 'none'}; gazeshift layers MODEL "
            "lists all and tries which to take."
        )


def _size(layer: GridLayer) -> str:
    return "several grids fit" if layer.grid is None else f"{layer.grid[0]} x {layer.grid[1]} cells"
