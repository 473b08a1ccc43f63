"""The rows of the table: each trains what it needs and returns its results by name. One dict of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from gazeshift.data.plates import image_only_ceiling
from gazeshift.instrument.lab import Lab
from gazeshift.instrument.quantities import (
    accuracy,
    centre_bias_of,
    dealt_out,
    effect_change_ratio,
    effect_on_referred,
    effect_rms,
    fixed_maps,
    look,
    mean,
    predicted_classes,
    regions,
    similarity,
    static_share,
)
from gazeshift.instrument.settings import NAMING, PULLED, SETTINGS, SILENT
from gazeshift.measures import distribution, jensen_shannon, perceptual_score, shift_faithfulness
from gazeshift.models.randomise import cascade, redrawn, with_random_encoder, with_random_head

Found = dict[str, float]
TRUNK_LAYERS = 6
"""Convolutions of the small CNN, each with its norm."""


def _ceiling(lab: Lab, name: str) -> float:
    return image_only_ceiling(lab.config(SETTINGS[name]))


def irrelevant(lab: Lab) -> Found:
    """Captions of random words: nothing may depend on them."""
    name = "random captions"
    subject, exam = lab.subject(lab.model(name)), lab.exam(name)
    found, right = regions(subject, exam), accuracy(subject, exam)
    return {
        "accuracy": right,
        "accuracy over ceiling": right - _ceiling(lab, name),
        "raw map change": mean(found.whole_map_change),
        "effect change ratio": effect_change_ratio(found),
        "effect change rms": found.faithfulness.rms_effect,
        "shift-faithfulness": found.faithfulness.rho,
        "normalised map change (bits)": mean(look(subject, exam).changed["js_bits"]),
    }


def colour(lab: Lab) -> Found:
    """Captions that name the colour of the dish in question."""
    subject, exam = lab.subject(lab.model("colour")), lab.exam("colour")
    seen, found, blind = look(subject, exam), regions(subject, exam), regions(subject, exam, "eigen-cam")
    linear = lab.subject(lab.model("colour, linear"))
    additive = regions(linear, exam)
    return {
        "accuracy": accuracy(subject, exam),
        "ceiling": _ceiling(lab, "colour"),
        "lift": seen.lift,
        "preference among dishes": seen.preference,
        "undefined maps": 1 - float(seen.rows["defined"].mean()),
        "named mass change": seen.named_mass_change,
        "effect on referred": effect_on_referred(found, exam),
        "shift-faithfulness": found.faithfulness.rho,
        "shift-faithfulness, whole cells": found.cell_faithfulness.rho,
        "slope": found.faithfulness.slope,
        "effect change rms": found.faithfulness.rms_effect,
        "map change rms": found.faithfulness.rms_map,
        "regions dealt out: shift-faithfulness": dealt_out(found, lab.seed),
        "eigen-cam: shift-faithfulness": blind.faithfulness.rho,
        "linear: accuracy over ceiling": accuracy(linear, exam) - _ceiling(lab, "colour"),
        "linear: raw map change": mean(additive.whole_map_change),
        "linear: effect change rms": additive.faithfulness.rms_effect,
        "linear: shift-faithfulness": additive.faithfulness.rho,
    }


def position(lab: Lab) -> Found:
    """Captions that say where the dish in question lies; pooling discards positions unless the trunk sees coordinates."""
    plain = lab.subject(lab.model("position"))
    exam = lab.exam("position")
    seeing = lab.subject(lab.model("position, coordinates"))
    seen, found = look(seeing, exam), regions(seeing, exam)
    return {
        "accuracy": accuracy(plain, exam),
        "ceiling": _ceiling(lab, "position"),
        "coordinates: accuracy": accuracy(seeing, exam),
        "coordinates: lift": seen.lift,
        "coordinates: named mass change": seen.named_mass_change,
        "coordinates: shift-faithfulness": found.faithfulness.rho,
        "coordinates: shift-faithfulness, whole cells": found.cell_faithfulness.rho,
        "coordinates: slope": found.faithfulness.slope,
        "coordinates: effect change rms": found.faithfulness.rms_effect,
    }


def label(lab: Lab) -> Found:
    """Captions that name the dish: the text may act as nothing but a label."""
    subject, exam = lab.subject(lab.model("label")), lab.exam("label", **NAMING)
    late, image = lab.subject(lab.model("label, late")), lab.subject(lab.model("label, image"))
    seen, found, silent = look(subject, exam), regions(subject, exam), regions(subject, lab.exam("label", **SILENT))
    classes = [subject.model.classes.index(scene.label) for scene in exam.scenes]
    others = [subject.model.classes.index(about[0].content[0]) for about in exam.others]
    by_label = jensen_shannon(
        distribution(fixed_maps(image, exam, classes)), distribution(fixed_maps(image, exam, others))
    )
    first = seen.rows[seen.rows["edit"] == "other 1"]
    return {
        "accuracy": accuracy(subject, exam),
        "class switched": float(seen.changed["switched"].mean()),
        "map change (bits)": mean(seen.changed["js_bits"]),
        "within share": seen.within_share,
        "raw map change": mean(found.whole_map_change),
        "effect change rms": found.faithfulness.rms_effect,
        "shift-faithfulness": found.faithfulness.rho,
        "effect rms": effect_rms(found),
        "silent: effect rms": effect_rms(silent),
        "late: within share": look(late, exam).within_share,
        "label-prompt null: fusion (bits)": mean(first["js_bits"]),
        "label-prompt null: image only (bits)": mean(by_label),
    }


def centre(lab: Lab) -> Found:
    """Dishes in question anywhere, or pulled to the centre: maps must follow."""
    subject = lab.subject(lab.model("colour"))
    spread, pulled = lab.exam("colour"), lab.exam("colour", **PULLED)
    apart, drawn = look(subject, spread), look(subject, pulled)
    masks = centre_bias_of(drawn.masks) - centre_bias_of(apart.masks)
    maps = centre_bias_of(drawn.maps) - centre_bias_of(apart.maps)
    found = {
        "accuracy on spread": accuracy(subject, spread),
        "accuracy on pulled": accuracy(subject, pulled),
        "centre bias on spread": centre_bias_of(apart.maps),
        "centre bias on pulled": centre_bias_of(drawn.maps),
        "centre bias of the masks moved": masks,
        "centre bias followed": maps / masks,
        "static share on spread": static_share(apart.maps),
        "static share on pulled": static_share(drawn.maps),
        "static share gained": static_share(drawn.maps) - static_share(apart.maps),
    }
    return found | (_habits(lab) if lab.world.trains_trunk else {})


def _habits(lab: Lab) -> Found:
    """Image-only models that could learn where the dish in question lies, and ones that could not, on the same spread scenes."""
    exam, pulled_exam = lab.exam("colour"), lab.exam("colour", **PULLED)
    even, habit = lab.subject(lab.model("spread, image")), lab.subject(lab.model("pulled, image"))
    bias = {who: centre_bias_of(look(subject, exam).maps) for who, subject in (("even", even), ("habit", habit))}
    return {
        "image only, trained on pulled: accuracy on pulled": accuracy(habit, pulled_exam),
        "image only, trained on spread: centre bias": bias["even"],
        "image only, trained on pulled: centre bias": bias["habit"],
        "habit of the pulled": bias["habit"] - bias["even"],
    }


def shortcut(lab: Lab) -> Found:
    """An adjective that gives the label away in training, and is random afterwards."""
    subject = lab.subject(lab.model("shortcut"))
    tied, free = lab.exam("shortcut"), lab.exam("shortcut", rho=0.0)
    right = accuracy(subject, tied)
    found = regions(subject, tied)
    return {
        "accuracy": right,
        "accuracy lost at rho 0": right - accuracy(subject, free),
        "accuracy lost, images permuted": perceptual_score(right, np.array([accuracy(subject, tied, "images")])).score,
        "accuracy lost, texts permuted": perceptual_score(right, np.array([accuracy(subject, tied, "texts")])).score,
        "effect change rms": found.faithfulness.rms_effect,
        "lift": look(subject, tied).lift,
    }


UNTRAINED_SEEDS = 3


def untrained(lab: Lab) -> Found:
    """Fresh random weights, averaged over several draws: what the instrument shows when there is nothing to find."""
    exam = lab.exam("colour")
    trained = regions(lab.subject(lab.model("colour")), exam)
    found = []
    for draw in range(UNTRAINED_SEEDS):
        subject = lab.subject(lab.untrained("colour", lab.seed * UNTRAINED_SEEDS + draw))
        seen, changes = look(subject, exam), regions(subject, exam)
        found.append(
            {
                "accuracy": accuracy(subject, exam),
                "lift": seen.lift,
                "preference among dishes": seen.preference,
                "named mass change": seen.named_mass_change,
                "undefined maps": 1 - float(seen.rows["defined"].mean()),
                "effect change rms": changes.faithfulness.rms_effect,
                "effect change ratio": effect_change_ratio(changes),
                "shift-faithfulness to the trained model": shift_faithfulness(
                    changes.map_change, trained.effect_change
                ).rho,
                "shift-faithfulness to itself": changes.faithfulness.rho,
            }
        )
    return {name: mean([one[name] for one in found]) for name in found[0]}


def sanity(lab: Lab) -> Found:
    """The trained model with one part randomised, and one trained on shuffled texts."""
    model, exam = lab.model("colour"), lab.exam("colour")
    intact = lab.subject(model)
    classes = predicted_classes(intact, exam)
    maps = fixed_maps(intact, exam, classes)
    models = {
        "intact": model,
        "random text encoder": with_random_encoder(model, lab.seed + 1000),
        "shuffled texts": lab.model("colour, shuffled"),
        "random head": with_random_head(model, lab.seed + 1000),
    }
    found: Found = {}
    for name, changed in models.items():
        seen = look(lab.subject(changed), exam)
        found[f"{name}: named mass change"] = seen.named_mass_change
        found[f"{name}: text (bits)"] = mean(seen.text_bits)
    found["random head: similarity"] = similarity(maps, fixed_maps(lab.subject(models["random head"]), exam, classes))
    if lab.world.trains_trunk:
        for count, step in enumerate(cascade(model, lab.seed, TRUNK_LAYERS, redrawn), 1):
            layers = "all layers" if count == TRUNK_LAYERS else f"{count} layer" + "s" * (count > 1)
            found[f"cascade, {layers}: similarity"] = similarity(maps, fixed_maps(lab.subject(step), exam, classes))
    return found


@dataclass(frozen=True)
class TableRow:
    """A row: what it is about, and how it is measured."""

    title: str
    measure: Callable[[Lab], Found]


ROWS: Mapping[str, TableRow] = MappingProxyType(
    {
        "irrelevant": TableRow("text irrelevant (random words)", irrelevant),
        "colour": TableRow("text necessary (colour)", colour),
        "position": TableRow("text necessary (position)", position),
        "label": TableRow("label in the caption", label),
        "centre": TableRow("centre pull swept", centre),
        "shortcut": TableRow("rho = 1, then 0", shortcut),
        "untrained": TableRow("untrained model", untrained),
        "sanity": TableRow("parts made random", sanity),
    }
)
