"""Maps of what a classifier looks at, and how a text moves them."""

from gazeshift.saliency.cams import METHODS, PIXEL_METHODS, TAP_METHODS, CamMethod, default_method
from gazeshift.saliency.compute import ComputedMaps, class_logits, compute_maps, row_logits
from gazeshift.saliency.effects import Effects, effects
from gazeshift.saliency.explain import class_index, explain
from gazeshift.saliency.gates import GateAccount, gate_account
from gazeshift.saliency.maps import MapRow, SaliencyMaps
from gazeshift.saliency.outside import InputMaps, explain_inputs
from gazeshift.saliency.probe import Probe, Rows
from gazeshift.saliency.shift import Shift, shift
from gazeshift.saliency.speed import Speed
from gazeshift.saliency.stream import MapBatch, stream_maps
from gazeshift.saliency.words import WordEffects, split_words, word_effects

__all__ = [
    "METHODS",
    "CamMethod",
    "ComputedMaps",
    "Effects",
    "GateAccount",
    "InputMaps",
    "MapBatch",
    "MapRow",
    "PIXEL_METHODS",
    "Probe",
    "Rows",
    "SaliencyMaps",
    "Shift",
    "Speed",
    "TAP_METHODS",
    "WordEffects",
    "class_index",
    "class_logits",
    "compute_maps",
    "default_method",
    "effects",
    "explain",
    "explain_inputs",
    "gate_account",
    "row_logits",
    "shift",
    "split_words",
    "stream_maps",
    "word_effects",
]
