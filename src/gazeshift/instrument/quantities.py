"""The quantities measured on a model and an exam. Plain functions that return plain numbers; NaN if nothing is defined."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gazeshift.data.plates import Caption, Scene
from gazeshift.data.regions.masks import REFERRED
from gazeshift.edits import Edited
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.faithful import RegionChanges, SceneSource, TextSource, View, region_changes
from gazeshift.evaluation.question import ObjectMasks, Question
from gazeshift.evaluation.viewer import viewer_of
from gazeshift.instrument.exam import Exam
from gazeshift.mapstore.store import Row
from gazeshift.measures import (
    centre_bias,
    distribution,
    information_split,
    mask_lift,
    mask_to_grid,
    pearson,
    shift_faithfulness,
    text_information,
)
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures
from gazeshift.pairs import Pair, SceneObject
from gazeshift.saliency import Rows, compute_maps, row_logits

BATCH = 64


@dataclass(frozen=True, eq=False)
class Subject:
    """A model with functions that show it scenes and read texts."""

    model: Classifier
    see: SceneSource
    read: TextSource


def encode(subject: Subject, scenes: Sequence[Scene]) -> ImageFeatures:
    """The features of all scenes at the tap."""
    parts = [
        subject.see.encode([View(scene) for scene in scenes[start : start + BATCH]])
        for start in range(0, len(scenes), BATCH)
    ]
    return ImageFeatures(torch.cat([part.grid for part in parts]))


def bound(subject: Subject, exam: Exam) -> BoundClassifier:
    """The model with all scenes and their own captions."""
    return BoundClassifier(subject.model, encode(subject, exam.scenes), subject.read(exam.texts))


def accuracy(subject: Subject, exam: Exam, permuted: str = "nothing") -> float:
    """Share of scenes whose label is predicted.

    The perceptual score (Gat et al., "Perceptual Score: What Data Modalities Does Your Model Perceive?", 2021) is the accuracy lost when
    one modality is permuted across scenes.

    Args:
        subject: the model.
        exam: the scenes and their own captions.
        permuted: ``nothing``, ``images`` or ``texts``: which side comes from another scene.
    """
    count = len(exam.scenes)
    rows, moved = torch.arange(count), torch.arange(count).roll(1)
    image = moved if permuted == "images" else rows
    text = moved if permuted == "texts" else rows
    logits = row_logits(bound(subject, exam), image, text)
    labels = torch.tensor([subject.model.classes.index(scene.label) for scene in exam.scenes])
    return float((logits.argmax(1) == labels).float().mean())


@dataclass(frozen=True, eq=False)
class Looks:
    """Measures of every scene under its own and every changed caption, and the maps of the predicted class.

    Attributes:
        rows: records of ``gazeshift.evaluation.analyse``; ``edit`` is ``original`` for the own caption.
        maps: raw maps of the class predicted with the own caption's text, under the own caption, one per scene.
        masks: share of each cell covered by the object that the own caption (or else the label) is about, one per scene.
        all_masks: share of each cell covered by any object, one per scene.
        text_bits: per scene, how far the maps of its texts differ: mean ``KL(P_t || mean over t of P_t)`` in bits.
    """

    rows: pd.DataFrame
    maps: Float[np.ndarray, "n h w"]
    masks: Float[np.ndarray, "n h w"]
    all_masks: Float[np.ndarray, "n h w"]
    text_bits: Float[np.ndarray, " n"]

    @property
    def own(self) -> pd.DataFrame:
        """Rows of the own captions."""
        return self.rows[self.rows["edit"] == "original"]

    @property
    def changed(self) -> pd.DataFrame:
        """Rows of the changed captions."""
        return self.rows[self.rows["edit"] != "original"]

    @property
    def lift(self) -> float:
        """Mean lift of the map on the object in question: 1 is no preference."""
        return mean(self.own["mask_lift"])

    @property
    def preference(self) -> float:
        """Mean ratio of the lift on the object in question to the lift on all objects together: 1 is no preference among them.

        The lift alone separates objects from background, which a trunk can do without the text. Maps without mass on any object
        are left out.
        """
        p = distribution(self.maps)
        everywhere = mask_lift(p, self.all_masks)
        return mean(mask_lift(p, self.masks) / np.where(everywhere > 0, everywhere, np.nan))

    @property
    def named_mass_change(self) -> float:
        """Mean change of the map's mass on the object that the changed caption names."""
        return mean(self.changed["named_mass"] - self.changed["named_mass_before"])

    @property
    def within_share(self) -> float:
        """The within-class share of the maps' Jensen-Shannon divergence."""
        changed = self.changed[np.isfinite(self.changed["within"])]
        total = float(changed["js_bits"].sum())
        return float(changed["within"].sum()) / total if total else float("nan")


def look(subject: Subject, exam: Exam) -> Looks:
    """Explain every scene with every caption."""
    model, read = subject.model, subject.read
    features = encode(subject, exam.scenes)
    height, width = features.grid.shape[2:]
    pairs = [
        _pair(row, scene, caption) for row, (scene, caption) in enumerate(zip(exam.scenes, exam.captions, strict=True))
    ]
    masks = [_masks(subject.see, scene, height, width) for scene in exam.scenes]
    own = [
        shown[caption.referred or scene.target]
        for shown, scene, caption in zip(masks, exam.scenes, exam.captions, strict=True)
    ]

    def masks_of(row: int, rows: int, columns: int) -> ObjectMasks:
        return {**masks[row], REFERRED: own[row]}

    question = Question(pairs, _texts(exam), masks_of, "grad-cam")
    found = analyse(viewer_of(model, lambda rows: features.rows(torch.tensor(list(rows))), read), question)
    predicted = [record for record in found.maps if record["target"] == "predicted"]
    maps = np.stack([np.asarray(record["map"]) for record in predicted if record["edit"] == "original"])
    every = np.stack([np.sum(list(shown.values()), 0) for shown in masks])
    return Looks(found.measures, maps, np.stack(own), every, _text_bits(predicted))


def _pair(row: int, scene: Scene, caption: Caption) -> Pair:
    about = caption.referred or scene.target
    objects = tuple(SceneObject(item.name, item.colour, item.index, item.index == about) for item in scene.objects)
    return Pair(f"{row:06d}", b"", caption.text, scene.label, "test", objects=objects)


def _masks(see: SceneSource, scene: Scene, height: int, width: int) -> ObjectMasks:
    labels = see.labels(scene)
    return {item.index: mask_to_grid(labels == item.index, height, width) for item in scene.objects}


def _texts(exam: Exam) -> dict[str, list[Edited | None]]:
    most = max(map(len, exam.others))
    texts: dict[str, list[Edited | None]] = {"original": [Edited(c.text, c.referred) for c in exam.captions]}
    for place in range(most):
        texts[f"other {place + 1}"] = [
            Edited(others[place].text, others[place].referred) if place < len(others) else None
            for others in exam.others
        ]
    return texts


def _text_bits(records: Sequence[Row]) -> Float[np.ndarray, " n"]:
    by_scene: dict[str, list[np.ndarray]] = {}
    for record in records:
        by_scene.setdefault(str(record["key"]), []).append(distribution(np.asarray(record["map"], np.float64)))
    return np.array([float(text_information(np.stack(p)[None])[0]) for p in by_scene.values()])


def centre_bias_of(maps: Float[np.ndarray, "n h w"]) -> float:
    """Mean centre bias of maps (or masks), over those that are defined."""
    return mean(centre_bias(distribution(maps)))


def static_share(maps: Float[np.ndarray, "n h w"]) -> float:
    """Share of the maps' information about places that is the same for all images: ``KL(mean P || U) / E KL(P || U)``, 0 to 1."""
    return information_split(distribution(maps)[:, None]).static_share


def regions(subject: Subject, exam: Exam, method: str = "grad-cam") -> RegionChanges:
    """Both sides of shift-faithfulness over all changed captions."""
    return region_changes(subject.model, exam.changes, subject.see, subject.read, method)


def effect_rms(found: RegionChanges) -> float:
    """RMS of what the logit loses with each object, in logits: how much the picture counts under the captions before the change."""
    return float(np.sqrt((found.effect_before**2).mean()))


def effect_change_ratio(found: RegionChanges) -> float:
    """RMS of the change of effect over the RMS of the effect itself: 0 if the text has no influence."""
    size = effect_rms(found)
    return found.faithfulness.rms_effect / size if size else float("nan")


def effect_on_referred(found: RegionChanges, exam: Exam) -> float:
    """Share of ``sum |I_r|`` on the object that the own caption is about; by chance one third among three."""
    about = [
        caption.referred or scene.target
        for scene, caption, others in zip(exam.scenes, exam.captions, exam.others, strict=True)
        for _ in others
    ]
    size = np.abs(found.effect_change)
    own = found.index == np.array(about)[found.change]
    return float(size[own].sum() / size.sum()) if size.sum() else float("nan")


def fixed_maps(subject: Subject, exam: Exam, classes: Sequence[int]) -> Float[np.ndarray, "n h w"]:
    """Raw maps of given classes under the own captions."""
    rows = torch.arange(len(exam.scenes))
    asked = Rows(rows, rows, torch.tensor(classes))
    return compute_maps(bound(subject, exam), asked).maps.double().cpu().numpy()


def predicted_classes(subject: Subject, exam: Exam) -> list[int]:
    """Classes predicted with the own captions."""
    rows = torch.arange(len(exam.scenes))
    logits = row_logits(bound(subject, exam), rows, rows)
    return [int(c) for c in logits.argmax(1)]


def similarity(a: Float[np.ndarray, "n h w"], b: Float[np.ndarray, "n h w"]) -> float:
    """Mean over maps of the Pearson correlation of signed maps: 1 if equal up to scale and offset, 0 on average if unrelated."""
    return mean(pearson(a, b))


def dealt_out(found: RegionChanges, seed: int) -> float:
    """Shift-faithfulness with every change of a map paired with the effect of a random other region: the chance level."""
    order = np.random.default_rng(seed).permutation(len(found.index))
    return shift_faithfulness(found.map_change[order], found.effect_change).rho


def mean(values: Any) -> float:
    """Mean of the defined values; NaN if there are none."""
    array = np.asarray(values, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an empty mean is NaN, as intended
        return float(np.nanmean(array)) if array.size else float("nan")
