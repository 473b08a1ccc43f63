"""Names of a package that are imported when they are first asked for (PEP 562), so that what is not used is not waited for."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package.

    A name must not be that of a module of the package: Python binds an imported module over it.

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
