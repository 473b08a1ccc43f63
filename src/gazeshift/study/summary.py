"""All figures of a study, from its tables of predictions and measures: means over seeds and images, with intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gazeshift.claims.roles import Roles
from gazeshift.measures import Figure, crossed_figure, secondary_measures
from gazeshift.runs.summary import StudyFigures, Threshold
from gazeshift.study.thresholds import EXPECTATIONS, SeedFigures

MASK_MEASURES = {
    "lift": "mask_lift",
    "mass": "mask_mass",
    "area": "mask_area",
    "other": "mask_other",
    "prior": "mask_prior",
}
EDIT_MEASURES = (
    "js_bits",
    "js_distance",
    "wasserstein",
    "js_split",
    "switched_split",
    "switch",
    "within",
    "switched",
    "centre_bias_change",
    "coverage_change",
    "confidence_change",
    "undefined",
    "unchanged",
    "truncated",
    "named_mass_change",
    "excess",
    "pearson",
    "spearman",
    "iou",
    "amplitude_change",
    "interaction",
)


def own_measures() -> tuple[str, ...]:
    """The measures of the own text's map that have a figure: the primary ones, then the secondary ones."""
    return ("centre_bias", "coverage", "undefined", *secondary_measures(), "likelihood_ratio_objects")


def with_changes(measures: pd.DataFrame) -> pd.DataFrame:
    """The measures, with comparisons of each row to the same image's own text, and to its paraphrase."""
    keys = ["model", "seed", "key"]
    own = measures[measures["edit"] == "original"].set_index(keys)[["centre_bias", "coverage", "confidence"]]
    frame = measures.join(own.add_suffix("_own"), on=keys)
    for name in own.columns:
        frame[f"{name}_change"] = frame[name] - frame[f"{name}_own"]
    floor = measures[measures["edit"] == "paraphrase"].set_index(keys)["js_bits"].rename("floor")
    frame = frame.join(floor, on=keys)
    frame["excess"] = frame["js_bits"] - frame["floor"]
    frame["js_distance"] = np.sqrt(frame["js_bits"])
    # Over the rows whose four maps are all defined, so that the parts add up to the whole.
    frame["js_split"] = frame["js_bits"].where(frame["switch"].notna())
    frame["switched_split"] = frame["switched"].astype(float).where(frame["switch"].notna())
    frame["undefined"] = (~frame["defined"]).astype(float)
    frame["switched"] = frame["switched"].astype(float)
    frame["unchanged"] = frame["unchanged"].astype(float)
    frame["truncated"] = frame["truncated"].astype(float)
    frame["named_mass_change"] = frame["named_mass"] - frame["named_mass_before"]
    return frame


def summarise(predictions: pd.DataFrame, changes: pd.DataFrame, roles: Roles, edits: Sequence[str]) -> StudyFigures:
    """The figures of a study.

    Args:
        predictions: rows of model, seed, split, key, correct.
        changes: measures as ``with_changes`` gives them.
        roles: the models, in the order of the tables, and their roles.
        edits: in the order of the tables.
    """
    own = changes[changes["edit"] == "original"]
    seen = [model for model in roles.names if (own["model"] == model).any()]
    moved = [model for model in seen if (changes[changes["model"] == model]["edit"] != "original").any()]
    splits = [split for split in ("validation", "test") if (predictions["split"] == split).any()]
    test = predictions[predictions["split"] == "test"]
    masks = {model: _figures(own, model, MASK_MEASURES) for model in seen}
    return StudyFigures(
        accuracy={
            model: {split: _figure(predictions[predictions["split"] == split], model, "correct") for split in splits}
            for model in roles.names
        },
        gap=_gaps(test, {model: roles.without_text(model) for model in roles.names}),
        gap_to_text=_gaps(test, {model: roles.without_image(model) for model in seen}),
        maps={
            model: _figures(own, model, {name: name for name in own_measures()}) | _bias_gap(own, model, roles)
            for model in seen
        },
        masks=masks if own["mask_lift"].notna().any() else {},
        edits={
            model: {
                edit: _figures(changes[changes["edit"] == edit], model, {name: name for name in EDIT_MEASURES})
                for edit in edits
                if edit != "original" and (changes["edit"] == edit).any()
            }
            for model in moved
        },
    )


def check(expect: dict[str, float], predictions: pd.DataFrame, changes: pd.DataFrame, roles: Roles) -> list[Threshold]:
    """Check every seed against the expected thresholds: one record per seed and expectation, ``found`` in words if unmeasurable."""
    records = []
    for seed in sorted(predictions["seed"].unique()):
        figures = seed_figures(predictions[predictions["seed"] == seed], changes[changes["seed"] == seed], roles)
        for name, threshold in expect.items():
            expectation = EXPECTATIONS[name]
            try:
                found = expectation.value(figures)
            except KeyError:
                found = float("nan")
            passed = found >= threshold if expectation.at_least else found < threshold
            records.append(
                Threshold(
                    name=f"{name} (seed {seed}): {expectation.sentence(roles)}",
                    wanted=f"{'>=' if expectation.at_least else '<'} {threshold:g}",
                    found=f"{found:.4g}" if np.isfinite(found) else "not measurable",
                    passed=bool(passed),
                )
            )
    return records


def seed_figures(predictions: pd.DataFrame, changes: pd.DataFrame, roles: Roles) -> SeedFigures:
    """Plain means of one seed."""
    test = predictions[predictions["split"] == "test"]
    own = changes[changes["edit"] == "original"]
    names = [*own_measures(), *MASK_MEASURES.values()]
    return SeedFigures(
        roles=roles,
        accuracy={str(model): float(part["correct"].mean()) for model, part in test.groupby("model")},
        maps={str(model): _means(part, names) for model, part in own.groupby("model")},
        edits={
            str(model): {
                str(edit): _means(rows, EDIT_MEASURES) for edit, rows in part.groupby("edit") if edit != "original"
            }
            for model, part in changes.groupby("model")
        },
    )


def _means(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    return {name: float(rows[name].astype(float).mean()) for name in names}


def crossed(rows: pd.DataFrame, model: str, measure: str) -> np.ndarray:
    """Values of a measure of one model, one row per seed, one column per image; NaN where there is none."""
    mine = rows[rows["model"] == model]
    return mine.pivot_table(index="seed", columns="key", values=measure, aggfunc="mean", dropna=False).to_numpy(float)


def _figure(rows: pd.DataFrame, model: str, measure: str) -> Figure:
    return crossed_figure(crossed(rows.astype({measure: float}), model, measure))


def _figures(rows: pd.DataFrame, model: str, measures: dict[str, str]) -> dict[str, Figure]:
    return {name: _figure(rows, model, measure) for name, measure in measures.items()}


def _bias_gap(own: pd.DataFrame, model: str, roles: Roles) -> dict[str, Figure]:
    """Difference in centre bias from the image-only model, on the images with both maps defined."""
    image = roles.without_text(model)
    if image is None or model == image:
        return {}
    difference = crossed(own, model, "centre_bias") - crossed(own, image, "centre_bias")
    return {"centre_bias_gap": crossed_figure(difference)}


def _gaps(test: pd.DataFrame, references: Mapping[str, str | None]) -> dict[str, Figure]:
    """Difference in accuracy of each model to its reference, on the same test pairs and seeds; models without one are left out."""
    correct = test.astype({"correct": float})
    return {
        model: crossed_figure(crossed(correct, model, "correct") - crossed(correct, reference, "correct"))
        for model, reference in references.items()
        if reference not in {None, model}
        for reference in [str(reference)]
    }
