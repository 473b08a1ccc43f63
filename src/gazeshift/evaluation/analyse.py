"""One model over the test pairs: its predictions, where it looks with each text, and what moved the map."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gazeshift.edits import Edited
from gazeshift.evaluation.in_masks import Seen, in_masks
from gazeshift.evaluation.question import Question
from gazeshift.evaluation.viewer import Viewer
from gazeshift.mapstore.store import Row
from gazeshift.measures import (
    Measurable,
    amplitude_change,
    centre_bias,
    decompose,
    distribution,
    interaction_share,
    iou,
    likelihood_ratio,
    measure_maps,
    pearson,
    secondary_measures,
    spearman,
    undefined,
    wasserstein,
)
from gazeshift.saliency.affine import other_side
from gazeshift.saliency.asked import Asked as Combinations

TEXT_BLIND = "eigen-cam"
"""The method of a map that shows where the trunk's features are strong, whatever the text and the class."""


@dataclass(frozen=True)
class Analysis:
    """Measures and maps of one model (columns of ``store``): a row per pair and text."""

    measures: pd.DataFrame
    maps: list[Row]


def analyse(viewer: Viewer, question: Question) -> Analysis:
    """Explain every pair with every text of the question.

    Args:
        viewer: a model that sees images, with the question's pairs.
        question: the pairs, texts and masks of the evaluation.
    """
    edits = list(question.texts) if viewer.reads_text else ["original"]
    measures: list[pd.DataFrame] = []
    maps: list[Row] = []
    transported = _drawn_rows(question, edits)
    for shard in viewer.shards(len(question.pairs)):
        asked = [(index, edit, edited) for index in shard for edit in edits if (edited := question.texts[edit][index])]
        found = _explain_shard(viewer, question, asked, shard)
        measured = _measures(viewer.classes, question, asked, found)
        chosen = np.array([(index, edit) in transported for index, edit, _ in asked])
        measures.append(measured.assign(wasserstein=_transport(found, chosen)))
        maps += _maps(viewer.classes, question, asked, found)
    return Analysis(pd.concat(measures, ignore_index=True), maps)


def _drawn_rows(question: Question, edits: Sequence[str]) -> set[tuple[int, str]]:
    """The rows for the Wasserstein distance: drawn evenly from all changed texts, the same for every model."""
    rows = [(index, edit) for index in range(len(question.pairs)) for edit in edits[1:] if question.texts[edit][index]]
    count = min(question.wasserstein, len(rows))
    return (
        {rows[place] for place in np.random.default_rng(0).choice(len(rows), count, replace=False)} if count else set()
    )


def _transport(found: "_Found", chosen: Bool[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Wasserstein-1 distance from the own text's map for the chosen rows; NaN elsewhere."""
    out = np.full(len(chosen), np.nan)
    out[chosen] = wasserstein(distribution(found.m00[chosen]), distribution(found.m11[chosen]))
    return out


Asked = tuple[int, str, Edited]


@dataclass(frozen=True)
class _Found:
    """The results for each text.

    ``m00 ... m11``: the maps of the decomposition against the pair's own text. ``label``: the map of the true class. ``other_side``: the
    map of the predicted class before the trunk's affine, or None if there is no affine. ``blind``: of the image alone (``TEXT_BLIND``).
    """

    predicted: np.ndarray
    confidence: np.ndarray
    reference: np.ndarray
    m00: np.ndarray
    m10: np.ndarray
    m01: np.ndarray
    m11: np.ndarray
    label: np.ndarray
    other_side: np.ndarray | None
    blind: np.ndarray


def _explain_shard(viewer: Viewer, question: Question, asked: Sequence[Asked], shard: range) -> _Found:
    bound = viewer.bind(shard, [edited.text for _, _, edited in asked])
    device = bound.grid.device
    image = torch.tensor([index - shard.start for index, _, _ in asked], device=device)
    rows = Combinations.of(bound, image, torch.arange(len(asked), device=device))
    predicted = rows.predicted
    # Row of each text's own original: the last ``original`` at or before it.
    own = torch.tensor(_originals(asked), device=device)
    reference = predicted[own]
    label, has_label = _labels(viewer.classes, [question.pairs[index].label for index, _, _ in asked], device)
    text = torch.arange(len(asked), device=device)
    wanted = [(own, reference), (own, predicted), (text, reference), (text, predicted), (text, label)]
    m00, m10, m01, m11, true_class = (
        viewer.placed(maps, shard) for maps in _unique_maps(rows, question.method, wanted)
    )
    true_class[~has_label] = np.nan
    confidence = rows.logits.softmax(1).gather(1, predicted[:, None])[:, 0]
    guessed, sure, before = (part.cpu().numpy() for part in (predicted, confidence, reference))
    beyond = _beyond_the_affine(rows, question.method)
    beyond = None if beyond is None else viewer.placed(beyond, shard)
    height, width = m11.shape[1:]
    regions = any(question.masks(index, height, width) for index in shard)
    blind = viewer.placed(_text_blind(rows, own), shard) if regions else np.full_like(m11, np.nan)
    return _Found(guessed, sure, before, m00, m10, m01, m11, true_class, beyond, blind)


def _text_blind(rows: Combinations, own: Int[Tensor, " r"]) -> np.ndarray:
    """For each row, the map of its image that depends on no text and no class."""
    images, place = torch.unique(own, return_inverse=True)
    return rows.at(images).maps(torch.zeros_like(images), TEXT_BLIND)[place.cpu().numpy()]


def _labels(
    classes: Sequence[str], labels: Sequence[str], device: torch.device
) -> tuple[Int[Tensor, " r"], Bool[np.ndarray, " r"]]:
    """The index of each label, and whether it is one of the model's classes at all."""
    place = {name: index for index, name in enumerate(classes)}
    known = np.array([label in place for label in labels])
    return torch.tensor([place.get(label, 0) for label in labels], device=device), known


def _beyond_the_affine(rows: Combinations, method: str) -> np.ndarray | None:
    """The maps of the predicted classes on the network's own grid; None if the tap is already there."""
    other = other_side(rows.bound)
    return None if other is None else replace(rows, bound=other).maps(rows.predicted, method)


def _originals(asked: Sequence[Asked]) -> list[int]:
    rows, current = [], 0
    for row, (_, edit, _) in enumerate(asked):
        current = row if edit == "original" else current
        rows.append(current)
    return rows


def _unique_maps(rows: Combinations, method: str, wanted: Sequence[tuple[Tensor, Tensor]]) -> list[np.ndarray]:
    """The maps for every requested list of (text, class); each (text, class) is computed once. A text belongs to one image."""
    pairs = torch.stack([torch.cat([t for t, _ in wanted]), torch.cat([c for _, c in wanted])], dim=1)
    unique, place = torch.unique(pairs, dim=0, return_inverse=True)
    maps = rows.at(unique[:, 0]).maps(unique[:, 1], method)
    return [maps[part.cpu().numpy()] for part in place.chunk(len(wanted))]


def _measures(classes: Sequence[str], question: Question, asked: Sequence[Asked], found: _Found) -> pd.DataFrame:
    maps = Measurable(found.m11)
    p, alone = maps.p, measure_maps(maps)
    before = distribution(found.m00)
    parts = decompose(found.m00, found.m10, found.m01, found.m11)
    pairs = [question.pairs[index] for index, _, _ in asked]
    nowhere, prior = np.full(len(asked), np.nan), question.prior(*p.shape[1:])
    frame = pd.DataFrame(
        {
            "key": [pair.key for pair in pairs],
            "label": [pair.label for pair in pairs],
            "edit": [edit for _, edit, _ in asked],
            "text": [edited.text for _, _, edited in asked],
            "predicted": [classes[place] for place in found.predicted],
            "confidence": found.confidence,
            "defined": ~undefined(found.m11),
            "centre_bias": alone["centre_bias"],
            "centre_bias_label": centre_bias(distribution(found.label)),
            "centre_bias_other_side": nowhere
            if found.other_side is None
            else centre_bias(distribution(found.other_side)),
            "coverage": alone["coverage"],
            "amplitude": alone["amplitude"],
            **{name: alone[name] for name in secondary_measures()},
            "likelihood_ratio_objects": nowhere if prior is None else likelihood_ratio(p, prior),
            "js_bits": parts.both,
            "switched": found.predicted != found.reference,
            "switch": parts.switch,
            "within": parts.within,
            "interaction": interaction_share(found.m00, found.m10, found.m01, found.m11),
            **_secondary_change(found.m00, found.m11),
        }
    )
    found_in = [
        in_masks(question, index, edit, edited, Seen(found.m11[row], p[row], before[row], found.blind[row]))
        for row, (index, edit, edited) in enumerate(asked)
    ]
    return frame.join(pd.DataFrame(found_in, index=frame.index))


def _secondary_change(before: Float[np.ndarray, "r h w"], after: Float[np.ndarray, "r h w"]) -> dict[str, np.ndarray]:
    """How similar the raw maps of two texts are, in addition to the primary distances of their distributions."""
    return {
        "pearson": pearson(before, after),
        "spearman": spearman(before, after),
        "iou": iou(before, after),
        "amplitude_change": amplitude_change(before, after),
    }


def _maps(classes: Sequence[str], question: Question, asked: Sequence[Asked], found: _Found) -> list[Row]:
    rows = []
    for row, (index, edit, edited) in enumerate(asked):
        pair = question.pairs[index]
        common = {"key": pair.key, "label": pair.label, "edit": edit, "text": edited.text}
        rows.append({**common, "target": "predicted", "class": classes[found.predicted[row]], "map": found.m11[row]})
        if found.predicted[row] != found.reference[row]:
            reference = classes[found.reference[row]]
            rows.append({**common, "target": "reference", "class": reference, "map": found.m01[row]})
    return rows
