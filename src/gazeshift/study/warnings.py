"""Caveats of a study: leaks, repeats, truncated texts, undefined maps. Sentences from counts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from gazeshift.data.audit import Audit
from gazeshift.errors import listed
from gazeshift.runs.summary import StudyFigures
from gazeshift.study.check_units import unchecked_models, without_gaze
from gazeshift.study.config import StudyConfig

MIN_GRID = 4
"""With fewer cells per side than this, positions on a map mean little."""


def warnings_of(
    study: StudyConfig,
    audit: Audit,
    figures: StudyFigures,
    predictions: pd.DataFrame,
    grids: dict[str, tuple[int, int]],
    words: Mapping[str, Sequence[str]],
) -> list[str]:
    """Sentences about the data, the texts and the maps; empty if there is nothing to say."""
    return [
        *_data(study, audit),
        *_texts(predictions, figures),
        *_edits(study, figures),
        *_words(study, words),
        *_grids(grids),
        *_maps(figures),
        *_unchecked(study),
        *_counts(audit),
    ]


def _unchecked(study: StudyConfig) -> list[str]:
    """Which models the study's checks were not made for."""
    said = [
        f"{listed(blind)}: the check mediation was skipped, because nothing in the forward pass of this fusion is a gaze that could be "
        "exchanged (docs/mediation.md lists those that have one)."
        for blind in [without_gaze(study)]
        if blind
    ]
    given = unchecked_models(study)
    if not given:
        return said
    return [
        *said,
        f"{', '.join(given)}: the checks ({', '.join(study.explain.checks)}) were skipped, because they are for models trained here; "
        "gs.faithfulness and gs.modality check a given model on one pair.",
    ]


def _edits(study: StudyConfig, figures: StudyFigures) -> list[str]:
    """Edits that apply to no pair are named: they are not in the tables."""
    wanted = [edit for edit in study.explain.edits if edit != "original"]
    lacking = {edit for edits in figures.edits.values() for edit in wanted if edit not in edits}
    return [f"The edit {edit!r} applies to none of these pairs and is left out." for edit in wanted if edit in lacking]


def _words(study: StudyConfig, words: Mapping[str, Sequence[str]]) -> list[str]:
    """Remaining modifiers by kind, after matching."""
    fewest = min(map(len, words.values()), default=0)
    if fewest >= study.explain.modifiers:
        return []
    return [
        f"Of {study.explain.modifiers} modifiers requested per kind, {fewest} could be matched in their number of word pieces "
        "(store/modifiers.json lists the rest, with reasons)."
    ]


def _grids(grids: dict[str, tuple[int, int]]) -> list[str]:
    small: dict[tuple[int, int], list[str]] = defaultdict(list)
    for model, (height, width) in grids.items():
        if min(height, width) < MIN_GRID:
            small[height, width].append(model)
    return [
        f"{', '.join(models)}: maps of only {height} x {width} cells; too few to tell where a model looks (centre bias is 0 on 2 x 2 by "
        "construction). Use larger images."
        for (height, width), models in small.items()
    ]


def _data(study: StudyConfig, audit: Audit) -> list[str]:
    said = []
    share = audit.title_contains_class
    if share and share >= 0.01:
        said.append(
            f"{share:.1%} of the texts contain the name of their class: a model may read the label instead of looking "
            "(data.mask_class_names: true masks it)."
        )
    if audit.test_pairs_with_training_title:
        total = sum(counts.get("test", 0) for counts in audit.classes.values())
        said.append(
            f"{audit.test_pairs_with_training_title} of {total} test pairs have a text that also occurs in training "
            "(data.drop_repeated_titles: true drops the repeats)."
        )
    if study.pretrain is not None:
        said.append(
            "The image trunk was pretrained on crops of single objects of the same kind, as a substitute for ImageNet."
        )
    return [*said, *_random(study)]


def _random(study: StudyConfig) -> list[str]:
    """Trunks that started from random weights."""
    trained = [model for model in study.seeing if model in study.trained]
    moving = [
        model for model in trained if _standardised(study, model) and study.recipe_of(model).trunk == "fine-tuned"
    ]
    said = []
    if moving:
        said.append(
            f"{', '.join(moving)}: the affine before the tap ({{features: standardised}} or centred) was estimated before the trunk was "
            "trained, and stays; it is meant for frozen trunks."
        )
    random = [model for model in trained if study.image_side(model).weights == "none"]
    if not random or study.pretrain is not None:
        return said
    which = "The image trunk" if len(random) == len(trained) else f"{listed(random)}: the image trunk"
    said.append(f"{which} started from random weights.")
    if frozen := [model for model in random if study.recipe_of(model).trunk == "frozen"]:
        said.append(
            f"{listed(frozen)}: the image trunk has random weights and is frozen, so it learned nothing about images "
            "(weights gives it some, training: {trunk: fine-tuned} trains it)."
        )
    return said


def _standardised(study: StudyConfig, model: str) -> bool:
    return study.image_side(model).image.features != "plain"


def _texts(predictions: pd.DataFrame, figures: StudyFigures) -> list[str]:
    """Models with the same tokenizer read texts the same way: what is true of several is reported once."""
    cut: dict[str, list[str]] = defaultdict(list)
    for model, rows in predictions[predictions["split"] == "test"].groupby("model", sort=False):
        for name, said in (
            ("truncated", "are longer than the encoder's limit and were truncated"),
            ("unread", "contain no piece that the tokenizer knows, so the model reads nothing of them"),
        ):
            count = rows.groupby("key")[name].any().sum()
            if count:
                cut[f"{count} of {rows['key'].nunique()} test texts {said}"].append(str(model))
    for model, edits in figures.edits.items():
        for name, said in (
            ("unchanged", "of these changed texts are tokenized exactly like the original"),
            ("truncated", "of these changed texts are longer than the encoder's limit and were truncated"),
        ):
            rates = {edit: rate for edit, measures in edits.items() if (rate := measures[name].mean)}
            if rates:
                cut[f"{said}: {', '.join(f'{edit} {rate:.1%}' for edit, rate in rates.items())}"].append(model)
    return [f"{', '.join(models)}: {said}." for said, models in cut.items()]


def _maps(figures: StudyFigures) -> list[str]:
    said = []
    for model, measures in figures.maps.items():
        rate = measures["undefined"].mean
        if rate:
            said.append(
                f"{model}: {rate:.1%} of the maps are undefined (no positive evidence) and left out of every measure of place."
            )
    return said


def _counts(audit: Audit) -> list[str]:
    return [f"{count} x {kind}" for kind, count in audit.counts.items()]
