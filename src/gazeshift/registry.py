"""One way to look things up by name: plain dicts as registries, names in any spelling, and an error that lists the known names."""

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import TypeVar

from gazeshift.errors import UsageError

T = TypeVar("T")
_APART = re.compile(r"[\s_‐‑–-]+")


def folded(name: str) -> str:
    """A name's form without capitals, hyphens, underscores or spaces; ``plus`` and a final ``pp`` become plus signs.

    Example:
        >>> folded("Grad-CAM++") == folded("grad_cam_plus_plus") == folded("GradCAMpp") == "gradcam++"
        True
    """
    bare = _APART.sub("", unicodedata.normalize("NFKC", name).casefold()).replace("plus", "+")
    return f"{bare[:-2]}++" if bare.endswith("pp") else bare


def known_name(names: Collection[str], name: str, kind: str) -> str:
    """The one of ``names`` that is meant: an exact match, or the only one with the same ``folded`` form.

    Raises:
        UsageError: no such name, or several with the same folded form; the message suggests the nearest ones and lists all.

    Example:
        >>> known_name(["grad-cam", "hires-cam"], "HiResCAM", "method")
        'hires-cam'
    """
    if name in names:
        return name
    written = {known: folded(known) for known in names}
    alike = [known for known, form in written.items() if form == folded(name)]
    if len(alike) == 1:
        return alike[0]
    near = alike or [
        known
        for form in difflib.get_close_matches(folded(name), set(written.values()), n=3)
        for known in written
        if written[known] == form
    ]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise UsageError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(sorted(names))}.")


def lookup(registry: Mapping[str, T], name: str, kind: str) -> T:
    """A registry's entry for a name in any spelling (``known_name``).

    Raises:
        UsageError: no such name, or several with the same folded form; the message suggests the nearest ones and lists all.

    Example:
        >>> lookup({"grad-cam": 1}, "GradCAM", "method")
        1
    """
    return registry[known_name(registry, name, kind)]
