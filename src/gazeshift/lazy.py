"""Package names imported on first use (PEP 562), so that unused modules cost no time."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package.

    A name must not equal a module of the package: importing the module would overwrite it.

    Args:
        package: its name.
        homes: the module of each name.

    Example:
        >>> on_demand("arithmetic", {"sqrt": "math"})("sqrt")(9.0)
        3.0
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return find
