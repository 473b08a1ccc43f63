"""Maps of what a classifier looks at, and how a text moves them."""

from gazeshift.saliency.cams import METHODS, PIXEL_METHODS, TAP_METHODS, CamMethod, default_method, method_for
from gazeshift.saliency.compute import ComputedMaps, class_logits, compute_maps, row_logits
from gazeshift.saliency.effects import Effects, effects
from gazeshift.saliency.explain import class_index, explain
from gazeshift.saliency.faithfulness import MapFaithfulness, faithfulness, map_faithfulness
from gazeshift.saliency.gates import GateAccount, gate_account
from gazeshift.saliency.hide import FILLINGS, MIXINGS, hidden_scores, pixel_score, tap_score
from gazeshift.saliency.maps import MapRow, SaliencyMaps
from gazeshift.saliency.modality import (
    Absent,
    FourLogits,
    Modality,
    four_logits,
    mean_features,
    mean_of_pairs,
    modality,
    share_between_players,
)
from gazeshift.saliency.outside import InputMaps, explain_inputs, shift_inputs
from gazeshift.saliency.probe import Probe, Rows
from gazeshift.saliency.shift import Shift, shift
from gazeshift.saliency.speed import Speed
from gazeshift.saliency.stream import MapBatch, stream_maps
from gazeshift.saliency.words import WordEffects, split_words, word_effects

__all__ = [
    "Absent",
    "FILLINGS",
    "METHODS",
    "MIXINGS",
    "CamMethod",
    "ComputedMaps",
    "Effects",
    "FourLogits",
    "GateAccount",
    "InputMaps",
    "MapBatch",
    "MapFaithfulness",
    "MapRow",
    "Modality",
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
    "faithfulness",
    "four_logits",
    "gate_account",
    "hidden_scores",
    "map_faithfulness",
    "mean_features",
    "mean_of_pairs",
    "method_for",
    "modality",
    "pixel_score",
    "row_logits",
    "share_between_players",
    "shift",
    "shift_inputs",
    "split_words",
    "stream_maps",
    "tap_score",
    "word_effects",
]
