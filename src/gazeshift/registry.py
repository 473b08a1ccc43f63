"""One way to look a thing up by name: plain dicts as registries, and an error that lists what there is."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from gazeshift.errors import UsageError

T = TypeVar("T")


def lookup(registry: Mapping[str, T], name: str, kind: str) -> T:
    """Return ``registry[name]``.

    Raises:
        UsageError: no such name; the message suggests the nearest ones and lists all.

    Example:
        >>> lookup({"grad-cam": 1}, "grad-cam", "method")
        1
    """
    if name in registry:
        return registry[name]
    near = difflib.get_close_matches(name, registry, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(sorted(registry))}.")
