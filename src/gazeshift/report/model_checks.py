"""The checks of a study's models: the most informative columns for the page, all figures for the table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gazeshift.edits import EDITS
from gazeshift.measures import Figure
from gazeshift.report.store import FinishedRun
from gazeshift.report.tables import FIGURE_COLUMNS, Table, figure_fields
from gazeshift.report.words import Column


@dataclass(frozen=True)
class Panel:
    """One check.

    Attributes:
        name: of the check.
        note: how to read it.
        columns: what the page shows.
        rows: by model, then by column name; without figures that a model lacks.
    """

    name: str
    note: str
    columns: Sequence[Column]
    rows: Mapping[str, Mapping[str, Figure]]


_LAST = "cascade_last_spearman"
"""The stage of the cascade at which the whole trunk is random, whatever the number of stages."""

NAMED_METHODS = (
    "grad-cam", "hires-cam", "xgrad-cam", "grad-cam++", "layer-cam", "eigen-cam", "ablation-cam", "integrated-gradients",
    "attention-gradient", "rollout",
)  # fmt: skip
"""The methods of the check ``naming``, named here because a report loads no torch."""

_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "localisation": "Maps with the pairs’ own texts against the mask of the object that the text refers to. Corrected for chance: 0 is "
        "chance, 1 perfect. The location prior is what the training objects’ mean mask scores instead of the map, without seeing the "
        "image; the ceiling is what an oracle scores on the same grid.",
        "faithfulness": "Cells are hidden at the tap (zeros; ROAD fills from the neighbours), the text stays. An uninformative map "
        "scores 0. Infidelity is the share of the losses that the map does not explain: 0 to 1, lower is better.",
        "shift-faithfulness": "Does the change of the map, object by object, predict how much more or less the logit loses without "
        "the object? Where the RMS of the effect is about 0 there is nothing to predict, and rho means nothing.",
        "sanity": "What must vanish when its cause is randomised: the text term (changed texts above the floor) with the text encoder, the "
        "similarity of the maps with the head and with the trunk. These are checks, not a ranking.",
        "modality": "The accuracy, and that of the best additive projection of the same logits; the accuracy lost when a modality is "
        "permuted; the interaction of text and image in the predicted logit, without its sign; the text’s share by MM-SHAP.",
        "naming": "For each method: the probability, within a picture, that the region which a text names gains more mass than with a "
        "paraphrase, shuffled words or a made-up word. One half is chance: such a map does not hear which region is named.",
        "controls": "Excess: share of the map’s mass on what the own text refers to, minus its mass on what other pairs’ texts refer "
        "to. Gain: mass that another region gains when the text names it, above a paraphrase. The controls do not know the image, the "
        "text, or either: 0 is their chance level.",
        "mediation": "Of the change of the answer that a changed text brings (the logit of the class predicted with it minus that of "
        "the class predicted with the own text, summed over pairs), the share that its gaze alone brings, in the pass with the own text. "
        "It may be negative or above 1: what is missing to 1 is direct, or comes only with both. A dash: no answer changes. It says what "
        "happens in the model, under gazes that the text itself does not have.",
    }
)

_COLUMNS: Mapping[str, Sequence[tuple[str, str, str]]] = MappingProxyType(
    {
        "localisation": (
            ("energy_corrected", "energy", "index"),
            ("energy_prior_corrected", "location prior", "index"),
            ("energy_ceiling_corrected", "its ceiling", "index"),
            ("rank_accuracy_corrected", "rank accuracy", "index"),
            ("rank_accuracy_prior_corrected", "location prior", "index"),
            ("rank_accuracy_ceiling_corrected", "its ceiling", "index"),
            ("pointing_corrected", "pointing game", "index"),
            ("pointing_prior_corrected", "location prior", "index"),
            ("pointing_ceiling_corrected", "its ceiling", "index"),
        ),
        "faithfulness": (
            ("insertion_over_deletion", "insertion − deletion ↑", "signed"),
            ("road", "ROAD ↓", "signed"),
            ("sensitivity_30", "sensitivity-n, 30 % ↑", "index"),
            ("infidelity_relative", "infidelity ↓", "index"),
        ),
        "shift-faithfulness": (
            ("rho", "rho ↑", "index"),
            ("slope", "slope", "index"),
            ("rms_effect", "RMS of the effect, logits", "bits"),
            ("whole_map_change", "change of the raw map", "index"),
        ),
        "sanity": (
            ("text_excess", "text term, bits", "signed"),
            ("random_encoder_text_excess", "random text encoder", "signed"),
            ("random_head_spearman", "Spearman, random head", "index"),
            (_LAST, "Spearman, random trunk", "index"),
        ),
        "modality": (
            ("accuracy", "accuracy", "percent"),
            ("accuracy_emap", "additive", "percent"),
            ("perceptual_text", "text permuted", "points"),
            ("perceptual_image", "image permuted", "points"),
            ("interaction_size", "interaction, logits", "bits"),
            ("t_shap", "text’s share", "percent"),
        ),
        "naming": tuple((f"{method}_told_apart", method, "index") for method in NAMED_METHODS),
        "controls": (
            ("excess", "excess", "signed"),
            ("text_blind_excess", "text-blind", "signed"),
            ("random_head_excess", "random head", "signed"),
            ("random_weights_excess", "random weights", "signed"),
            ("location_prior_excess", "location prior", "signed"),
            ("centre_excess", "centre", "signed"),
            ("gain", "gain", "signed"),
            ("random_head_gain", "random head", "signed"),
            ("random_weights_gain", "random weights", "signed"),
        ),
        "mediation": tuple((f"{edit}_switch_share", edit, "index") for edit in EDITS if edit != "original"),
    }
)


def panels(run: FinishedRun) -> list[Panel]:
    """One panel for every check of the study, in the order of this file; empty if it has none."""
    checks = run.summary.model_checks
    found = []
    for name, note in _NOTES.items():
        rows = {model: _with_last(mine[name]) for model, mine in checks.items() if name in mine}
        columns = [
            Column(key, title, kind)
            for key, title, kind in _COLUMNS[name]
            if any(key in figures for figures in rows.values())
        ]
        if rows:
            found.append(Panel(name, note, columns, rows))
    return found


def model_check_table(run: FinishedRun) -> Table:
    """``modelchecks``: a row per model, check and measure; without rows if the study has no checks."""
    rows = [
        [model, check, measure, *figure_fields(figure)]
        for model, checks in run.summary.model_checks.items()
        for check, measures in checks.items()
        for measure, figure in measures.items()
    ]
    return Table("modelchecks", ["model", "check", "measure", *FIGURE_COLUMNS], rows)


def _with_last(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    last = [figure for name, figure in figures.items() if re.fullmatch(r"cascade_(\d+)_of_\1_spearman", name)]
    return {**figures, **({_LAST: last[0]} if last else {})}
