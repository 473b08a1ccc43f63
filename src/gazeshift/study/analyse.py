"""One model over the test pairs: what it predicts, where it looks with each text, and what moved the map."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.edits import Edited
from gazeshift.measures import (
    amplitude,
    centre_bias,
    coverage,
    decompose,
    distribution,
    mask_lift,
    mask_mass,
    undefined,
)
from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.pairs import Pair
from gazeshift.saliency import Rows, compute_maps, row_logits

SHARD = 64
"""Images analysed at once: bounds the memory, changes no number."""

OTHERS = 8
"""Other images whose masks a map is compared with."""

ImageSource = Callable[[Sequence[int]], ImageFeatures]
TextSource = Callable[[Sequence[str]], TextFeatures]
ObjectMasks = Mapping[int, Float[np.ndarray, "h w"]]


@dataclass(frozen=True)
class Analysis:
    """Rows of measures and maps of one model, as plain records (columns of ``store``)."""

    measures: list[dict[str, Any]]
    maps: list[dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """What is asked of every model of a study: the pairs, their texts under each edit, and masks where they are known.

    Attributes:
        pairs: the explained test pairs.
        texts: per edit one text per pair; None where the edit does not apply. ``original`` is the first edit.
        masks: per pair, share of each grid cell that each visible object covers; None where masks are unknown.
        method: the map method.
    """

    pairs: Sequence[Pair]
    texts: Mapping[str, Sequence[Edited | None]]
    masks: Callable[[int, int, int], ObjectMasks | None]
    method: str


def analyse(model: Classifier, question: Question, images: ImageSource, texts: TextSource) -> Analysis:
    """Explain every pair with every text of the question.

    Args:
        model: sees images.
        question: what is asked.
        images: features at the tap of pairs by their index.
        texts: encoded texts.
    """
    edits = list(question.texts) if model.structure.reads_text else ["original"]
    measures: list[dict[str, Any]] = []
    maps: list[dict[str, Any]] = []
    for start in range(0, len(question.pairs), SHARD):
        shard = range(start, min(start + SHARD, len(question.pairs)))
        asked = [(index, edit, edited) for index in shard for edit in edits if (edited := question.texts[edit][index])]
        found = _explain_shard(model, question.method, asked, start, images(shard), texts)
        measures += _measures(model, question, asked, found)
        maps += _maps(model, question, asked, found)
    return Analysis(measures, maps)


Asked = tuple[int, str, Edited]


@dataclass(frozen=True)
class _Found:
    """Per asked text: predicted class, its probability, and the four raw maps of the decomposition against the pair's own text."""

    predicted: np.ndarray
    confidence: np.ndarray
    reference: np.ndarray
    m00: np.ndarray
    m10: np.ndarray
    m01: np.ndarray
    m11: np.ndarray


def _explain_shard(
    model: Classifier, method: str, asked: Sequence[Asked], start: int, features: ImageFeatures, texts: TextSource
) -> _Found:
    encoded = texts([edited.text for _, _, edited in asked])
    device = features.grid.device
    image = torch.tensor([index - start for index, _, _ in asked], device=device)
    text = torch.arange(len(asked), device=device)
    logits = row_logits(model, features, encoded, image, text)
    predicted = logits.argmax(1)
    # Row of each asked text's own original: the last ``original`` seen at or before it.
    own = torch.tensor(_originals(asked), device=device)
    maps = _unique_maps(model, method, features, encoded, image, own, text, predicted)
    confidence = logits.softmax(1).gather(1, predicted[:, None])[:, 0]
    return _Found(predicted.cpu().numpy(), confidence.cpu().numpy(), predicted[own].cpu().numpy(), *maps)


def _originals(asked: Sequence[Asked]) -> list[int]:
    rows, current = [], 0
    for row, (_, edit, _) in enumerate(asked):
        current = row if edit == "original" else current
        rows.append(current)
    return rows


def _unique_maps(
    model: Classifier,
    method: str,
    features: ImageFeatures,
    encoded: TextFeatures,
    image: Tensor,
    own: Tensor,
    text: Tensor,
    predicted: Tensor,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """``M00, M10, M01, M11`` of every asked text; each (text, class) is drawn once."""
    reference = predicted[own]
    wanted = [(own, reference), (own, predicted), (text, reference), (text, predicted)]
    pairs = torch.stack([torch.cat([t for t, _ in wanted]), torch.cat([c for _, c in wanted])], dim=1)
    unique, place = torch.unique(pairs, dim=0, return_inverse=True)
    rows = Rows(image[unique[:, 0]], unique[:, 0], unique[:, 1])
    maps = compute_maps(model, features, encoded, rows, method).maps.float().cpu().numpy()
    m00, m10, m01, m11 = (maps[part.cpu().numpy()] for part in place.chunk(4))
    return m00, m10, m01, m11


def _measures(model: Classifier, question: Question, asked: Sequence[Asked], found: _Found) -> list[dict[str, Any]]:
    p = distribution(found.m11)
    before = distribution(found.m00)
    parts = decompose(found.m00, found.m10, found.m01, found.m11)
    columns = {
        "confidence": found.confidence,
        "defined": ~undefined(found.m11),
        "centre_bias": centre_bias(p),
        "coverage": coverage(p),
        "amplitude": amplitude(found.m11),
        "js_bits": parts.both,
        "switched": found.predicted != found.reference,
        "switch": parts.switch,
        "within": parts.within,
    }
    rows = []
    for row, (index, edit, edited) in enumerate(asked):
        pair = question.pairs[index]
        rows.append(
            {
                "key": pair.key,
                "label": pair.label,
                "edit": edit,
                "text": edited.text,
                "predicted": model.classes[found.predicted[row]],
                **{name: values[row].item() for name, values in columns.items()},
                **_in_masks(question, index, edited, p[row], before[row]),
            }
        )
    return rows


def _in_masks(
    question: Question, index: int, edited: Edited, p: Float[np.ndarray, "h w"], before: Float[np.ndarray, "h w"]
) -> dict[str, float]:
    """Mass on the object that the pair's own text refers to, and on the one that the changed text names, now and with the own text.

    ``mask_other`` is the mass that the same map would put on the referred objects of other images: what a habit of looking at one place
    reaches without looking at all.
    """
    names = ("mask_mass", "mask_area", "mask_lift", "mask_other", "named_mass", "named_mass_before")
    nothing = dict.fromkeys(names, float("nan"))
    own = _referred(question, index, p.shape)
    if own is None:
        return nothing
    others = [_referred(question, other, p.shape) for other in _elsewhere(index, len(question.pairs))]
    masses = [float(mask_mass(p, other)) for other in others if other is not None]
    found = {"mask_mass": mask_mass(p, own), "mask_area": own.mean(), "mask_lift": mask_lift(p, own)}
    found["mask_other"] = np.mean(masses) if masses else np.nan
    named = (question.masks(index, *p.shape) or {}).get(edited.refers or 0)
    if named is not None:
        found |= {"named_mass": mask_mass(p, named), "named_mass_before": mask_mass(before, named)}
    return nothing | {name: float(value) for name, value in found.items()}


def _referred(question: Question, index: int, shape: tuple[int, ...]) -> Float[np.ndarray, "h w"] | None:
    """Mask of the object that a pair's own text refers to, if one is known and visible."""
    referred = next((scene_object.index for scene_object in question.pairs[index].objects if scene_object.referred), 0)
    height, width = shape
    return (question.masks(index, height, width) or {}).get(referred)


def _elsewhere(index: int, count: int) -> list[int]:
    """Up to ``OTHERS`` other pairs, spread over all of them, so that every class is among them."""
    return sorted({(index + 1 + step * count // OTHERS) % count for step in range(OTHERS)} - {index})


def _maps(model: Classifier, question: Question, asked: Sequence[Asked], found: _Found) -> list[dict[str, Any]]:
    rows = []
    for row, (index, edit, edited) in enumerate(asked):
        common = {"key": question.pairs[index].key, "edit": edit, "text": edited.text}
        rows.append(
            {**common, "target": "predicted", "class": model.classes[found.predicted[row]], "map": found.m11[row]}
        )
        if found.predicted[row] != found.reference[row]:
            reference = model.classes[found.reference[row]]
            rows.append({**common, "target": "reference", "class": reference, "map": found.m01[row]})
    return rows
