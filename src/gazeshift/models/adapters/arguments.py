"""Inputs by the names of a model's arguments."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from gazeshift.errors import UsageError, listed
from gazeshift.json_types import Options
from gazeshift.models.adapters.inputs import Inputs, by_name, mapped


def names_of(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names)


def calling(
    model: nn.Module, image: tuple[str, ...], text: tuple[str, ...], given: Mapping[str, Any]
) -> Callable[[Inputs, Inputs], Any]:
    """``call`` with everything bound except the images and texts.

    Raises:
        UsageError: names that are not arguments of the model's ``forward``, or that occur twice.
    """
    check_names(model, (*image, *text, *given))
    return partial(call, model, image, text, given)


def check_names(model: nn.Module, names: tuple[str, ...]) -> None:
    """Refuse names that are not arguments of the model's ``forward``, or that occur twice.

    Raises:
        UsageError: lists the model's arguments.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"{listed(twice)}: named more than once in image=, text= and given=, so one would overwrite the other."
        )
    try:
        known = inspect.signature(model.forward).parameters
    except (TypeError, ValueError):  # scripted models have none to read
        return
    lacking = [name for name in names if name not in known]
    if lacking and not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values()):
        raise UsageError(
            f"the model's forward takes {listed(known)}, not {listed(lacking)}: name its own arguments, or pass "
            "forward=lambda image, text: ..."
        )


def only_named(inputs: Inputs, names: tuple[str, ...]) -> Inputs:
    """Of named inputs, only those that are arguments: nothing else goes to the model, so nothing else counts as rows.

    Example:
        >>> only_named({"ids": [1, 2], "length": [2, 2, 2]}, ("ids",))
        {'ids': [1, 2]}
    """
    values = by_name(inputs)
    known = [name for name in names if values is not None and name in values]
    return {name: values[name] for name in known} if values is not None and known else inputs


def call(
    model: nn.Module, image: tuple[str, ...], text: tuple[str, ...], given: Mapping[str, Any], *inputs: Inputs
) -> Any:
    """Call a model with images and texts under their names, and with the arguments that are the same in every call.

    Raises:
        UsageError: inputs that do not match the names.
    """
    # Some models change their inputs in place; every pass gets the original.
    arguments: Options = mapped(dict(given), lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf)
    for names, values, kind in zip((image, text), inputs, ("image", "text"), strict=True):
        arguments |= _named(names, values, kind)
    return model(**arguments)


def _named(names: tuple[str, ...], values: Inputs, kind: str) -> Options:
    """Inputs by argument name: a mapping is used directly, a single name takes everything, several names take a tuple in order."""
    if not names and values is not None:
        raise UsageError(
            f"this model was wrapped without {kind}=, so nothing would read these inputs: name the argument when wrapping."
        )
    if not names:
        return {}
    if values is None:
        raise UsageError(f"this model takes {kind} inputs ({listed(names)}); give them.")
    given = by_name(values)
    if given is not None:
        lacking = [name for name in names if name not in given]
        if lacking:
            raise UsageError(f"the {kind} inputs lack {listed(lacking)}; they have {listed(given)}.")
        return {name: given[name] for name in names}
    if len(names) == 1:
        return {names[0]: values}
    if not isinstance(values, list | tuple) or len(values) != len(names):
        raise UsageError(f"the {kind} inputs must be {listed(names)}: a mapping by name, or a tuple in this order.")
    return dict(zip(names, values, strict=True))
