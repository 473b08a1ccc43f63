"""Measures: functions of arrays. Undefined maps are NaN, never 0, never uniform. The only place for their formulas."""

from gazeshift.measures.distance import (
    TOP_SHARE,
    amplitude_change,
    iou,
    iou_chance,
    jensen_shannon,
    pearson,
    spearman,
)
from gazeshift.measures.equivariance import (
    equivariance,
)
from gazeshift.measures.figures import (
    Figure,
    Median,
    crossed_figure,
    crossed_statistic,
    median_figure,
)
from gazeshift.measures.imputation import (
    keep_pixels,
    noisy_linear_imputation,
)
from gazeshift.measures.information import (
    InformationSums,
    information_split,
    static_share,
    text_information,
)
from gazeshift.measures.localise import (
    beyond_chance,
    mask_excess,
    mass_ceiling,
    pointing_ceiling,
    pointing_chance,
    pointing_game,
    rank_accuracy,
    rank_ceiling,
)
from gazeshift.measures.mediation import MediatedEffects, mediated_effects
from gazeshift.measures.modality import (
    TwoPlayerShapley,
    conditional_utilisation,
    crossed_accuracy,
    perceptual_score,
    two_player_shapley,
)
from gazeshift.measures.per_map import (
    MAP_MEASURES,
    Measurable,
    measure_maps,
    secondary_measures,
)
from gazeshift.measures.perturbation import (
    Infidelity,
    PerturbationCurve,
    Road,
    deletion,
    infidelity,
    insertion,
    road,
    sensitivity_n,
)
from gazeshift.measures.prior import (
    centre_prior,
    likelihood_ratio,
    mask_prior,
)
from gazeshift.measures.shapley import (
    MmShap,
    mm_shap,
)
from gazeshift.measures.shift import (
    decompose,
    interaction_share,
)
from gazeshift.measures.shift_faithfulness import ShiftFaithfulness, shift_faithfulness
from gazeshift.measures.spread import (
    concentration,
    gini,
    share_holding,
)
from gazeshift.measures.transport import (
    wasserstein,
)
from gazeshift.measures.where import (
    amplitude,
    centre_bias,
    centre_bias_parts,
    centroid,
    coverage,
    distribution,
    entropy,
    mask_lift,
    mask_mass,
    mask_to_grid,
    on_common_grid,
    undefined,
)
from gazeshift.rounding import (
    beyond_rounding,
)

__all__ = [
    "ShiftFaithfulness",
    "shift_faithfulness",
    "Figure",
    "Infidelity",
    "InformationSums",
    "MAP_MEASURES",
    "Measurable",
    "Median",
    "MediatedEffects",
    "MmShap",
    "PerturbationCurve",
    "Road",
    "TOP_SHARE",
    "TwoPlayerShapley",
    "amplitude",
    "amplitude_change",
    "beyond_chance",
    "beyond_rounding",
    "centre_bias",
    "centre_bias_parts",
    "centre_prior",
    "centroid",
    "concentration",
    "conditional_utilisation",
    "crossed_accuracy",
    "coverage",
    "crossed_figure",
    "crossed_statistic",
    "decompose",
    "deletion",
    "distribution",
    "entropy",
    "equivariance",
    "gini",
    "infidelity",
    "information_split",
    "text_information",
    "insertion",
    "interaction_share",
    "iou",
    "iou_chance",
    "jensen_shannon",
    "keep_pixels",
    "likelihood_ratio",
    "mask_excess",
    "mask_lift",
    "mask_mass",
    "mask_prior",
    "mask_to_grid",
    "on_common_grid",
    "mass_ceiling",
    "measure_maps",
    "median_figure",
    "mediated_effects",
    "mm_shap",
    "noisy_linear_imputation",
    "pearson",
    "perceptual_score",
    "pointing_ceiling",
    "pointing_chance",
    "pointing_game",
    "rank_accuracy",
    "rank_ceiling",
    "road",
    "secondary_measures",
    "sensitivity_n",
    "share_holding",
    "spearman",
    "static_share",
    "two_player_shapley",
    "undefined",
    "wasserstein",
]
