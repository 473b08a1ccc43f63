"""gazeshift: how a text acts on what an image classifier looks at.

Example:
    >>> import gazeshift as gs
    >>> model = gs.load("runs/food10/models/early-fusion/seed-0")  # doctest: +SKIP
    >>> maps = gs.explain(model, "photo.jpg", ["Ahi Tuna Tartare Recipes", "red tomato ketchup"])  # doctest: +SKIP
    >>> gs.shift(maps, 0, 1).js_bits  # doctest: +SKIP
    0.21
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gazeshift.models import Classifier, load
    from gazeshift.saliency import Effects, SaliencyMaps, Shift, WordEffects, effects, explain, shift, word_effects

_HOME = {
    "Classifier": "gazeshift.models",
    "Effects": "gazeshift.saliency",
    "SaliencyMaps": "gazeshift.saliency",
    "Shift": "gazeshift.saliency",
    "WordEffects": "gazeshift.saliency",
    "effects": "gazeshift.saliency",
    "explain": "gazeshift.saliency",
    "load": "gazeshift.models",
    "shift": "gazeshift.saliency",
    "word_effects": "gazeshift.saliency",
}

__version__ = "0.1.0"
__all__ = [
    "Classifier",
    "Effects",
    "SaliencyMaps",
    "Shift",
    "WordEffects",
    "__version__",
    "effects",
    "explain",
    "load",
    "shift",
    "word_effects",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line's help need not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'gazeshift' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
