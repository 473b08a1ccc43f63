"""Any module with any signature: name the layer and say which arguments are image and text."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError, listed
from gazeshift.models.adapters.finding import Trial, layout_of
from gazeshift.models.adapters.inputs import Inputs, by_name, count, same, take
from gazeshift.models.adapters.layouts import Layout, LayoutRule, grids_of, placed, places_of
from gazeshift.models.adapters.protocol import Bound
from gazeshift.models.adapters.reading import named_only, readable
from gazeshift.models.adapters.recording import Call, Recording, record, repeatable, replaying, rows_agree
from gazeshift.models.modes import evaluating

_ROWS_AT_ONCE = 16
_TEXTS_TRIED = 8


@dataclass(frozen=True, eq=False)
class HookedModel:
    """What ``wrap`` makes; its arguments are described there."""

    model: nn.Module
    layer: str
    tap: nn.Module
    forward: Callable[[Inputs, Inputs], Any]
    output: Callable[[Any], Tensor]
    grid: str | Layout | LayoutRule | None
    part: int | str | None
    nth: int | None
    text_free: bool | None
    read_text: Callable[[Any], Inputs] | None
    names: tuple[tuple[str, ...], tuple[str, ...]]

    def read(self, images: Any, texts: Any) -> tuple[Inputs, Inputs]:
        """Inputs as tensors on the model's device, and of those with names only what the model is given."""
        image, text = self.names
        return (
            named_only(readable(images, "image", self.model), image),
            named_only(readable(texts, "text", self.model), () if self.read_text else text),
        )

    def bind(
        self, images: Inputs, texts: Inputs, image_index: Int[Tensor, " p"], text_index: Int[Tensor, " p"]
    ) -> Bound:
        """Run the trunk once per image; once per combination where the text enters it.

        Raises:
            ModelError: the layer does not run, has no grid, or the output does not depend on it.
        """
        with evaluating(self.model), torch.inference_mode(False), torch.no_grad():
            texts = texts if self.read_text is None else self.read_text(texts)
            tried = _texts_to_try(texts)
            trial = self._run(images, texts, torch.zeros_like(tried), tried, self.nth or 0)
            layout = self._layout(images, texts, self._tap_of(trial), len(tried))
            places = places_of(layout, self._tap_of(trial))
            here = self._grid_of(trial, layout, images, texts, torch.zeros_like(tried), tried)
            free = rows_agree(here, len(tried)) if self.text_free is None else self.text_free
            if free:
                every = torch.arange(count(images, "image"))
                main = self._run(images, texts, every, torch.zeros_like(every), self.nth or 0)
                grid = self._grid_of(main, layout, images, texts, every, torch.zeros_like(every))
                replay = _Replay(self, images, texts, every, repeatable(trial, len(tried), main, len(every)), layout)
                bound = Bound(self.model, replay, grid, count(texts, "text"), image_index, places=places)
            else:
                grid = self._grids(images, texts, image_index, text_index, layout)
                replay = _Replay(self, images, texts, image_index, [], layout)
                bound = Bound(
                    self.model, replay, grid, count(texts, "text"), torch.arange(len(image_index)), places=places
                )
        self._check(bound, replay, text_index)
        return bound

    def _grids(
        self,
        images: Inputs,
        texts: Inputs,
        image: Int[Tensor, " p"],
        text: Int[Tensor, " p"],
        layout: Layout | LayoutRule,
    ) -> Float[Tensor, "p c h w"]:
        """The slow path: the trunk of every combination, because the text is in it."""
        parts = []
        for rows in _portions(len(image)):
            recorded = self._run(images, texts, image[rows], text[rows], self.nth or 0)
            parts.append(self._grid_of(recorded, layout, images, texts, image[rows], text[rows]))
        return torch.cat(parts)

    def _layout(self, images: Inputs, texts: Inputs, output: Tensor, rows: int) -> Layout | LayoutRule:
        def other(changed: Inputs) -> Tensor:
            every = torch.arange(count(changed, "image"))
            return self._tap_of(self._run(changed, texts, every, torch.zeros_like(every), self.nth or 0))

        first = take(images, torch.zeros(rows, dtype=torch.long))
        return layout_of(self.grid, output, self.layer, Trial(first, rows, self.model, self.tap, other))

    def _grid_of(
        self,
        recorded: Recording,
        layout: Layout | LayoutRule,
        images: Inputs,
        texts: Inputs,
        image: Int[Tensor, " r"],
        text: Int[Tensor, " r"],
    ) -> Float[Tensor, "r c h w"]:
        here = placed(layout, take(images, image), take(texts, text))
        return grids_of(here, self._tap_of(recorded), len(image), self.layer).float()

    def _run(
        self, images: Inputs, texts: Inputs, image: Int[Tensor, " r"], text: Int[Tensor, " r"], nth: int
    ) -> Recording:
        with steady(self.model):
            return record(self.model, self.tap, nth, lambda: self.forward(take(images, image), take(texts, text)))

    def _tap_of(self, recorded: Recording) -> Tensor:
        """The tensor that holds the grid; refuses what cannot be explained, with the way out."""
        if not recorded.layer_calls:
            raise ModelError(
                f"layer {self.layer!r} never ran; choose one that does (the inside of a scripted or compiled module cannot be "
                "watched: give the module as it was before)."
            )
        if self.nth is None and recorded.layer_calls > 1:
            last = recorded.layer_calls - 1
            raise ModelError(
                f"layer {self.layer!r} runs {last + 1} times in one pass: say which with nth=0 to nth={last}."
            )
        if recorded.layer_calls <= (self.nth or 0):
            raise ModelError(f"layer {self.layer!r} runs {recorded.layer_calls} times in one pass: no nth={self.nth}.")
        return select(recorded.layer_output, self.part, self.layer)

    def _check(self, bound: Bound, replay: "_Replay", text_index: Int[Tensor, " p"]) -> None:
        """One row from the leaf to the output: refuses what gives no gradient, before any map is drawn."""
        with evaluating(self.model), torch.inference_mode(False), torch.enable_grad():
            leaf = bound.image.grid[bound.image_row[:1]].detach().clone().requires_grad_()
            logits = replay(leaf * 1, bound.image_row[:1], text_index[:1])
            if not logits.requires_grad or torch.autograd.grad(logits.sum(), leaf, allow_unused=True)[0] is None:
                raise ModelError(
                    f"the output does not depend on layer {self.layer!r}: choose a layer on its way (or the model detaches it)."
                )


@dataclass(frozen=True, eq=False)
class _Replay:
    """The rest of a forward pass: the model runs with given grids at the layer; what lies before comes from the recording."""

    hooked: HookedModel
    images: Inputs
    texts: Inputs
    image_of: Int[Tensor, " n"]
    calls: list[Call]
    layout: Layout | LayoutRule

    def __call__(
        self, grid: Float[Tensor, "r c h w"], image: Int[Tensor, " r"], text: Int[Tensor, " r"]
    ) -> Float[Tensor, "r classes"]:
        parts = [self._part(grid[rows], image[rows], text[rows]) for rows in _portions(len(grid))]
        return torch.cat(parts)

    def _part(self, grid: Tensor, image: Tensor, text: Tensor) -> Tensor:
        hooked, passes = self.hooked, 0
        images, texts = take(self.images, self.image_of.to(image.device)[image]), take(self.texts, text)
        layout = placed(self.layout, images, texts)

        def put(module: nn.Module, arguments: Any, output: Any) -> Any:
            nonlocal passes
            passes += 1
            if passes - 1 != (hooked.nth or 0):
                return output
            here = select(output, hooked.part, hooked.layer)
            return replace(output, hooked.part, layout.write(here.detach(), grid.to(here.dtype)))

        hook = hooked.tap.register_forward_hook(put)
        try:
            with replaying(self.calls, image), steady(hooked.model):
                result = hooked.forward(images, texts)
        finally:
            hook.remove()
        return logits_of(hooked.output(result), len(grid))


def wrap(
    model: nn.Module,
    layer: str | nn.Module,
    *,
    image: str | tuple[str, ...] = "image",
    text: str | tuple[str, ...] = (),
    output: Callable[[Any], Tensor] | None = None,
    grid: str | Layout | LayoutRule | None = None,
    given: Mapping[str, Any] | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
    part: int | str | None = None,
    nth: int | None = None,
    text_free: bool | None = None,
    read_text: Callable[[Any], Inputs] | None = None,
) -> HookedModel:
    """Explain any module at one of its layers.

    Whether the text reaches the layer is found out by trying several texts. Where it does not, the layer's output is taken once per
    image and the rest runs with a leaf in its place; what ran before is not run again. Where it does, every combination of image
    and text has its own grid. Nothing stays behind in the model: hooks, modes, gradients and random states are as they were.

    Args:
        model: any module; two inputs of one row are one combination.
        layer: the layer to explain at, by its name in ``model.named_modules()`` or itself.
        image: names of the arguments that are images.
        text: names of the arguments that are text, or whatever else is to be changed while the map is watched.
        output: from what the model returns to logits ``(rows, classes)`` or one score a row; a tensor and ``logits`` are found alone.
        grid: layout of the layer's output: ``b c h w``, ``b h w c``, ``TokenGrid(height, width, prefix)``, another layout, or a function
            from images and texts of a pass to one; told from the image's sides if None.
        given: arguments that are the same in every call.
        forward: for signatures that names cannot describe (a list, positions): ``forward(images, texts)`` calls the model.
        part: which part of the layer's output holds the grid, where it gives a tuple or a mapping.
        nth: which call of the layer, counted from 0, where one pass runs it several times (a backbone shared by views).
        text_free: do not try, but take it that the text does not reach (True) or reaches (False) the layer.
        read_text: what to do with the texts once, before the first pass; an encoder that need not run again.

    Raises:
        UsageError: no such layer.

    Example:
        >>> class Fusion(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.trunk, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        ...     def forward(self, pixels, words):
        ...         return self.head(self.trunk(pixels).mean((2, 3)) * words)
        >>> wrapped = wrap(Fusion(), "trunk", image="pixels", text="words")
        >>> index = torch.zeros(1, dtype=torch.long)
        >>> wrapped.bind(torch.rand(1, 3, 8, 8), torch.rand(1, 4), index, index).image.grid.shape
        torch.Size([1, 4, 6, 6])
    """
    model = dict(model.named_children()).get(
        "_orig_mod", model
    )  # the eager module in what torch.compile made: hooks run there
    name, tap = _layer(model, layer)
    names = ((), ()) if forward else (_names(image), _names(text))
    run = forward or partial(_call, model, *names, dict(given or {}))
    return HookedModel(model, name, tap, run, output or _logits, grid, part, nth, text_free, read_text, names)


@contextmanager
def steady(model: nn.Module) -> Iterator[None]:
    """The same random numbers in every pass (some models shuffle their patches), and the caller's own state back afterwards."""
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(0)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(0)
        yield


def select(output: Any, part: int | str | None, layer: str) -> Tensor:
    """The tensor that was named in a layer's output."""
    found = output
    if part is not None:
        try:
            found = output[part]
        except (IndexError, KeyError, TypeError) as error:
            raise ModelError(f"layer {layer!r} has no part {part!r} in its {type(output).__name__}.") from error
    if not isinstance(found, Tensor):
        raise ModelError(
            f"layer {layer!r} gives a {type(found).__name__}, not a tensor: say which part of it with part=."
        )
    return found


def replace(output: Any, part: int | str | None, new: Tensor) -> Any:
    """A layer's output with one part exchanged; the original is not touched."""
    if part is None:
        return new
    if isinstance(output, dict):  # Hugging Face's outputs are dicts too
        return type(output)({**output, part: new})
    return type(output)(new if index == part else value for index, value in enumerate(output))


def logits_of(result: Tensor, rows: int) -> Float[Tensor, "r classes"]:
    """Logits with one row per input.

    Raises:
        ModelError: another shape.
    """
    if isinstance(result, Tensor) and result.shape[:1] == (rows,) and result.ndim in {1, 2}:
        return result[:, None] if result.ndim == 1 else result
    shape = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
    raise ModelError(
        f"output= gives {shape} for {rows} rows; it must give logits (rows, classes) or one score a row, e.g. "
        "output=lambda out: out.logits."
    )


def _logits(result: Any) -> Tensor:
    """What needs no saying: a tensor, or what calls itself logits."""
    if isinstance(result, Tensor):
        return result
    if isinstance(result, Mapping) and isinstance(result.get("logits"), Tensor):
        found: Tensor = result["logits"]
        return found
    raise ModelError(
        f"the model returns a {type(result).__name__}: say where its logits are, e.g. output=lambda out: out[0]."
    )


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _call(
    model: nn.Module, image: tuple[str, ...], text: tuple[str, ...], given: dict[str, Any], *inputs: Inputs
) -> Any:
    arguments = dict(given)
    for names, values, kind in zip((image, text), inputs, ("image", "text"), strict=True):
        arguments |= _named(names, values, kind)
    return model(**arguments)


def _named(names: tuple[str, ...], values: Inputs, kind: str) -> dict[str, Any]:
    """Inputs by argument name: a mapping already says, one name takes all, several take a tuple in order."""
    if not names and values is not None:
        raise UsageError(f"this model was wrapped without {kind}=, so nothing would read these: name the argument.")
    if not names:
        return {}
    if values is None:
        raise UsageError(f"this model takes {kind} inputs ({', '.join(names)}); give them.")
    given = by_name(values)
    if given is not None:
        lacking = [name for name in names if name not in given]
        if lacking:
            raise UsageError(f"the {kind} inputs lack {listed(lacking)}; they have {listed(given)}.")
        return {name: given[name] for name in names}
    if len(names) == 1:
        return {names[0]: values}
    if not isinstance(values, list | tuple) or len(values) != len(names):
        raise UsageError(f"the {kind} inputs must be {', '.join(names)}: a mapping by name, or a tuple in this order.")
    return dict(zip(names, values, strict=True))


def _layer(model: nn.Module, layer: str | nn.Module) -> tuple[str, nn.Module]:
    modules = dict(model.named_modules())
    for name, module in modules.items():
        if name == layer or module is layer:
            return name, module
    asked = layer if isinstance(layer, str) else type(layer).__name__
    near = difflib.get_close_matches(asked, modules, n=3)
    hint = (
        f" Near it: {', '.join(near)}." if near else f" It has {', '.join([name for name in modules if name][:8])} ..."
    )
    raise UsageError(f"the model has no layer {asked!r}.{hint}")


def _portions(rows: int) -> list[slice]:
    return [slice(start, start + _ROWS_AT_ONCE) for start in range(0, rows, _ROWS_AT_ONCE)]


def _texts_to_try(texts: Inputs) -> Int[Tensor, " k"]:
    """Text 0 and up to seven that differ from it; a single text is tried against itself."""
    different = [row for row in range(1, count(texts, "text")) if not same(texts, 0, row)]
    return torch.tensor([0, *(different[: _TEXTS_TRIED - 1] or [0])])
