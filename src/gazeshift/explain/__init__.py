"""Maps of what a classifier looks at, and how a text moves them."""

import sys
from types import ModuleType
from typing import Any

from gazeshift.explain.cams import METHODS, CamMethod
from gazeshift.explain.compute import ComputedMaps, class_logits, compute_maps, row_logits
from gazeshift.explain.explain import class_index, explain
from gazeshift.explain.maps import MapRow, SaliencyMaps
from gazeshift.explain.probe import Probe, Rows
from gazeshift.explain.shift import Shift, shift

__all__ = [
    "METHODS",
    "CamMethod",
    "ComputedMaps",
    "MapRow",
    "Probe",
    "Rows",
    "SaliencyMaps",
    "Shift",
    "class_index",
    "class_logits",
    "compute_maps",
    "explain",
    "row_logits",
    "shift",
]


class _CallableModule(ModuleType):
    """``gs.explain(...)`` is the function and ``gazeshift.explain`` this package, and Python binds the second over the first.

    Whichever of the two a user has in hand, calling it explains.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> SaliencyMaps:
        return explain(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
