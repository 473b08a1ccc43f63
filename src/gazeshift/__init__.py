"""gazeshift: how a text acts on what an image classifier looks at.

Example:
    >>> import gazeshift as gs
    >>> model = gs.load("runs/food10/models/early-fusion/seed-0")  # doctest: +SKIP
    >>> maps = gs.explain(model, "photo.jpg", ["Ahi Tuna Tartare Recipes", "red tomato ketchup"])  # doctest: +SKIP
    >>> gs.shift(maps, 0, 1).js_bits  # doctest: +SKIP
    0.21
"""

from importlib.metadata import version

from gazeshift.explain import SaliencyMaps, Shift, explain, shift
from gazeshift.models import Classifier, load

__version__ = version("gazeshift")
__all__ = ["Classifier", "SaliencyMaps", "Shift", "__version__", "explain", "load", "shift"]
