"""Maps of what a classifier looks at, and how a text moves them."""

from gazeshift.saliency.cams import METHODS, PIXEL_METHODS
from gazeshift.saliency.compute import class_logits, compute_maps, row_logits
from gazeshift.saliency.effects import Effects, effects
from gazeshift.saliency.explain import explain
from gazeshift.saliency.faithfulness import MapFaithfulness, faithfulness, map_faithfulness
from gazeshift.saliency.gates import gate_account
from gazeshift.saliency.hide import tap_score
from gazeshift.saliency.maps import SaliencyMaps
from gazeshift.saliency.modality import (
    Absent,
    Modality,
    four_logits,
    mean_features,
    mean_of_pairs,
    modality,
    share_between_players,
)
from gazeshift.saliency.outside import explain_inputs, shift_inputs
from gazeshift.saliency.probe import Probe, Rows
from gazeshift.saliency.shift import Shift, shift
from gazeshift.saliency.speed import Speed
from gazeshift.saliency.stream import MapBatch, stream_maps
from gazeshift.saliency.words import WordEffects, word_effects

__all__ = [
    "Absent",
    "METHODS",
    "Effects",
    "MapBatch",
    "MapFaithfulness",
    "Modality",
    "PIXEL_METHODS",
    "Probe",
    "Rows",
    "SaliencyMaps",
    "Shift",
    "Speed",
    "WordEffects",
    "class_logits",
    "compute_maps",
    "effects",
    "explain",
    "explain_inputs",
    "faithfulness",
    "four_logits",
    "gate_account",
    "map_faithfulness",
    "mean_features",
    "mean_of_pairs",
    "modality",
    "row_logits",
    "share_between_players",
    "shift",
    "shift_inputs",
    "stream_maps",
    "tap_score",
    "word_effects",
]
