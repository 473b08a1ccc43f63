"""Where to find a layer's grid and a model's logits in their outputs."""

import copy
import dataclasses
from collections.abc import Mapping, MutableMapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from gazeshift.errors import ModelError, listed, shown
from gazeshift.models.adapters.inputs import by_name


def select(output: Any, part: int | str | None, layer: str) -> Tensor:
    """The named tensor in a layer's output.

    Args:
        output: a tensor, or a tuple, mapping, named tuple or dataclass that holds one.
        part: its index, key or field; None if the output is the tensor.
        layer: the layer's name, for the message.

    Raises:
        ModelError: there is no such part, or it is not a tensor.
    """
    found = output
    if part is not None:
        try:
            found = getattr(output, part) if isinstance(part, str) and _has_fields(output) else output[part]
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ModelError(f"layer {layer!r} has no part {shown(part)} in its {type(output).__name__}.") from error
    if not isinstance(found, Tensor):
        raise ModelError(
            f"layer {layer!r} gives a {type(found).__name__}, not a tensor: name the part of it with part=."
        )
    return found


def exchanged(output: Any, part: int | str | None, new: Tensor) -> Any:
    """A layer's output with one part replaced; the original is unchanged.

    Example:
        >>> from torch import ones, zeros
        >>> exchanged({"grid": zeros(1), "size": 3}, "grid", ones(1))
        {'grid': tensor([1.]), 'size': 3}
    """
    if part is None:
        return new
    if isinstance(output, MutableMapping):  # Hugging Face's outputs are mappings too, and can also be indexed by number
        changed = copy.copy(output)
        changed[part if part in output else list(output)[int(part)]] = new
        return changed
    if isinstance(output, Mapping):
        return {**output, part: new}
    if dataclasses.is_dataclass(output):
        return dataclasses.replace(output, **{str(part): new})  # type: ignore[type-var]
    position = part % len(output) if isinstance(part, int) else list(type(output)._fields).index(part)
    values = [new if index == position else value for index, value in enumerate(output)]
    return type(output)(*values) if _is_named_tuple(output) else type(output)(values)


def logits_of(result: Any, rows: int) -> Float[Tensor, "r classes"]:
    """Logits with one row per input.

    Raises:
        ModelError: another shape.
    """
    if isinstance(result, Tensor) and result.shape[:1] == (rows,) and result.ndim in {1, 2}:
        return result[:, None] if result.ndim == 1 else result
    shape = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
    raise ModelError(
        f"output= gives {shape} for {rows} rows; it must give logits (rows, classes) or one score per row, e.g. "
        "output=lambda out: out.logits."
    )


def find_logits(result: Any) -> Tensor:
    """The default: a tensor, or the entry ``logits`` of a mapping, dataclass or named tuple.

    Raises:
        ModelError: there is neither.
    """
    if isinstance(result, Tensor):
        return result
    named = by_name(result)
    if named is not None and isinstance(named.get("logits"), Tensor):
        found: Tensor = named["logits"]
        return found
    parts = f" of {listed(named)}" if named else ""
    raise ModelError(
        f"the model returns a {type(result).__name__}{parts}: pass the location of its logits, e.g. output=lambda out: out[0]."
    )


def _has_fields(output: Any) -> bool:
    return not isinstance(output, Mapping) and (dataclasses.is_dataclass(output) or _is_named_tuple(output))


def _is_named_tuple(output: Any) -> bool:
    return isinstance(output, tuple) and "_fields" in vars(type(output))
