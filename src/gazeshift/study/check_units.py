"""Run a study's checks on one model and one seed."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from gazeshift.data.plates import Scene, read_scenes
from gazeshift.data.plates.captions_of_pairs import is_plates
from gazeshift.errors import ConfigError
from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.checks.subject import Subject
from gazeshift.evaluation.question import Question
from gazeshift.mapstore.store import write_table
from gazeshift.models import load
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.study.config import StudyConfig
from gazeshift.study.materials import Ingredients
from gazeshift.study.pairs import Pairs
from gazeshift.training.device import on_device

CHECK_SETTINGS = ("method", "edits", "images", "lexicon", "checks", "check_images")
"""The settings under ``explain`` that decide what checks find."""

IN_MASKS = ("localisation", "naming", "controls")
"""Checks against the regions of pictures."""

COLUMNS = ("check", "key", "label", "measure", "value", "part")


def scenes_for(study: StudyConfig, pairs: Pairs) -> Mapping[str, Scene]:
    """The scenes that the checks need, by key.

    Raises:
        ConfigError: a check that these data do not support: shift-faithfulness without scenes, or one of ``IN_MASKS`` without masks.
    """
    wanted = study.explain.checks
    in_masks = next((check for check in wanted if check in IN_MASKS), None)
    if in_masks is not None and not any(pair.has_regions for pair in pairs.splits["test"]):
        raise ConfigError(
            f"explain.checks: {in_masks} needs masks, and no test pair of these data has one; leave this check out."
        )
    if "shift-faithfulness" not in wanted:
        return {}
    if not isinstance(pairs.root, Path) or not is_plates(pairs.root):
        raise ConfigError(
            "explain.checks: shift-faithfulness removes objects from a scene, and only Plates has those; leave it out for other data."
        )
    return read_scenes(pairs.root)


def checked_models(study: StudyConfig, names: Sequence[str]) -> list[str]:
    """The models to check: those trained here that see images and to which some requested check applies."""
    return [name for name in names if name in study.trained and _applies(study, name)]


def unchecked_models(study: StudyConfig) -> list[str]:
    """The given models to which some requested check would apply: checks are for models trained here."""
    return [name for name in study.models if name not in study.trained and _applies(study, name)]


def _applies(study: StudyConfig, model: str) -> bool:
    structure = study.structure(model)
    return structure.sees_image and any(CHECKS[check].applies(structure) for check in study.explain.checks)


def without_gaze(study: StudyConfig) -> list[str]:
    """The models trained here whose gaze nobody can exchange, if a check asks for that."""
    wanted = [CHECKS[check] for check in study.explain.checks if CHECKS[check].needs_gaze]
    fusions = {name: study.structure(name) for name in study.trained}
    both = [name for name, structure in fusions.items() if structure.sees_image and structure.reads_text]
    return [name for name in both if any(not check.applies(fusions[name]) for check in wanted)]


def check_unit(
    ingredients: Ingredients,
    unit: Unit,
    question: Question,
    rows: Sequence[int],
    scenes: Mapping[str, Scene],
    run: RunFolder,
) -> None:
    """Check a trained model on some of the explained pairs; rows of ``COLUMNS``, model and seed go into its part of the store.

    Args:
        ingredients: of the study.
        unit: what was trained.
        question: what every model is evaluated on.
        rows: of the question's pairs among the test pairs.
        scenes: of Plates pairs.
        run: the run folder.
    """
    explain, recipe = ingredients.study.explain, ingredients.study.recipe_of(unit.model)
    if ingredients.study.models[unit.model].texts == "constant":  # it reads the empty text, whatever it is given
        question = question.with_texts({"original": question.texts["original"]})
    model = load(run.model(unit))
    with on_device(model):
        subject = Subject(
            model,
            question,
            ingredients.image_source(model, rows, recipe),
            ingredients.text_source(model, recipe),
            ingredients.pixels(model, rows),
            cache(lambda: ingredients.baseline(model, recipe)),
            scenes,
        ).some(explain.check_images or len(question.pairs))
        parts = [
            CHECKS[check].rows(subject).assign(check=check)
            for check in explain.checks
            if CHECKS[check].applies(model.structure)
        ]
    table = pd.concat(parts, ignore_index=True)
    table["part"] = table["part"].fillna(0).astype(int) if "part" in table else 0
    write_table(table[list(COLUMNS)].assign(**unit.tag), run.part(unit, "checks"))
