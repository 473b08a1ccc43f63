"""Maps of what a classifier looks at, and how a text moves them."""

from gazeshift.saliency.cams import METHODS, PIXEL_METHODS
from gazeshift.saliency.combination import Combination
from gazeshift.saliency.compute import class_logits, compute_maps, row_logits
from gazeshift.saliency.explain import explain
from gazeshift.saliency.faithfulness import MapFaithfulness, faithfulness, map_faithfulness
from gazeshift.saliency.gates import gate_account
from gazeshift.saliency.hide import tap_score
from gazeshift.saliency.maps import MapBatch, SaliencyMaps
from gazeshift.saliency.mediation import Mediation, can_exchange, exchanged_logits, mediation
from gazeshift.saliency.modality import (
    Baseline,
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
from gazeshift.saliency.stream import stream_maps
from gazeshift.saliency.text_influence import TextInfluence, text_influence
from gazeshift.saliency.word_pairs import WordPairs, word_pairs
from gazeshift.saliency.word_regions import WordRegions, word_regions
from gazeshift.saliency.words import WordEffects, word_effects

effects = text_influence
"""The name of ``text_influence`` in version 0.1, kept for compatibility."""

__all__ = [
    "Baseline",
    "Combination",
    "METHODS",
    "TextInfluence",
    "MapBatch",
    "MapFaithfulness",
    "Mediation",
    "Modality",
    "PIXEL_METHODS",
    "Probe",
    "Rows",
    "SaliencyMaps",
    "Shift",
    "Speed",
    "WordEffects",
    "WordPairs",
    "WordRegions",
    "can_exchange",
    "class_logits",
    "compute_maps",
    "effects",
    "text_influence",
    "exchanged_logits",
    "explain",
    "explain_inputs",
    "faithfulness",
    "four_logits",
    "gate_account",
    "map_faithfulness",
    "mean_features",
    "mean_of_pairs",
    "mediation",
    "modality",
    "row_logits",
    "share_between_players",
    "shift",
    "shift_inputs",
    "stream_maps",
    "tap_score",
    "word_effects",
    "word_pairs",
    "word_regions",
]
