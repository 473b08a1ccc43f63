"""Maps of what a classifier looks at, and how a text moves them."""

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
