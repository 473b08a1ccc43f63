"""A layer by its name, even if the model is wrapped in another one or a module has several names."""

import difflib

from torch import nn

from gazeshift.errors import UsageError, listed, shown

_SHELLS = ("module", "_orig_mod")
"""Attribute names under which DataParallel and ``torch.compile`` hold the wrapped model."""


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself inside DataParallel, DistributedDataParallel or ``torch.compile`` wrappers, where hooks run."""
    children = dict(model.named_children())
    if "_orig_mod" in children:
        return unwrapped(children["_orig_mod"])
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(model.module)
    return model


def find_layer(model: nn.Module, layer: str | nn.Module) -> tuple[str, nn.Module]:
    """A layer with its name.

    All of a module's names are accepted, with or without the prefixes that DataParallel and ``torch.compile`` add.

    Args:
        model: the model.
        layer: a name, or the module.

    Raises:
        UsageError: there is none; suggests similar names.

    Example:
        >>> find_layer(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), "module.1")
        ('1', ReLU())
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    for name, module in modules.items():
        if name == layer or module is layer:
            return name, module
    asked = layer if isinstance(layer, str) else type(layer).__name__
    if isinstance(layer, str):
        for name, module in modules.items():
            if name and _bare(name) == _bare(layer):
                return name, module
    near = difflib.get_close_matches(asked, modules, n=3)
    hint = f"Near it: {listed(near)}." if near else f"It has {listed(name for name in modules if name)}."
    raise UsageError(f"the model has no layer {shown(asked)}. {hint}")


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _SHELLS)
