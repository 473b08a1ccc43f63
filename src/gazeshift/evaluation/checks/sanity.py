"""What must vanish when its cause is randomised: the text term with the text encoder, maps with the head and with the trunk.

Checks of the instrument and of a model, not a ranking of methods: a map that survives was not about the model.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gazeshift.evaluation.checks.subject import OwnMaps, Subject, maps_of, mean_of_defined, own_maps, per_pair
from gazeshift.evaluation.faithful import reading
from gazeshift.evaluation.information import text_sets
from gazeshift.evaluation.question import TextSource
from gazeshift.measures import distribution, jensen_shannon, spearman, text_information, undefined
from gazeshift.models import BoundClassifier, Classifier, evaluating
from gazeshift.models.randomise import cascade, with_random_encoder, with_random_head
from gazeshift.saliency import Rows, row_logits

SEED = 1_000_000
"""Of everything that is randomised, counted up for further draws; the same for every model. Far from any seed that a study trains with: a
head drawn with the same seed would be the very one that the model's training began with, and resemble it."""

RANDOM_HEADS = 5
"""A single random head may resemble the trained one by chance."""

STAGES = 4
"""Groups of layers in which the trunk is randomised, from its output back to its input."""

CASCADE_IMAGES = 16
"""The trunk reruns for each stage, so the cascade uses few images."""


def sanity(subject: Subject) -> pd.DataFrame:
    """Every pair's text terms, and its map's similarity (Spearman's correlation, Jensen-Shannon divergence) after each randomisation.

    ``text_changed`` and ``text_floor``: mutual information of text and place of one image, in bits, over its own text and changed ones, and
    over its own and equally many that should change nothing; ``text_excess`` is their difference. ``random_encoder_...``: the same with the
    text encoder randomised: its excess must be about 0. ``random_head_...``, ``cascade_1_of_4_...``: the map of the same class against the
    trained model's, and how many maps are undefined. Models that read no text have no text terms.
    """
    parts = [_head_rows(subject), _cascade_rows(subject.some(CASCADE_IMAGES))]
    if subject.model.structure.reads_text and len(subject.question.texts) > 1:
        damaged = with_random_encoder(subject.model, SEED)
        parts += [
            _text_rows(subject, subject.model, subject.texts, ""),
            _text_rows(subject, damaged, reading(damaged), "random_encoder_"),
        ]
    return pd.concat(parts, ignore_index=True)


def _text_rows(subject: Subject, model: Classifier, texts: TextSource, prefix: str) -> pd.DataFrame:
    changed, floor = text_sets(list(subject.question.texts))
    parts = []
    for shard in subject.shards:
        terms = {
            "text_changed": text_terms(subject, model, texts, shard, ["original", *changed]),
            "text_floor": text_terms(subject, model, texts, shard, ["original", *floor]),
        }
        terms["text_excess"] = terms["text_changed"] - terms["text_floor"]
        parts.append(per_pair(subject, shard, {prefix + name: values for name, values in terms.items()}))
    return pd.concat(parts, ignore_index=True)


def text_terms(
    subject: Subject, model: Classifier, texts: TextSource, shard: Sequence[int], edits: Sequence[str]
) -> Float[np.ndarray, " n"]:
    """``text_information`` of each image, over its maps with some texts, each map for the class predicted with its text.

    NaN if a text does not apply or a map is undefined.
    """
    asked = [(place, subject.question.texts[edit][index]) for edit in edits for place, index in enumerate(shard)]
    there = [(place, edited.text) for place, edited in asked if edited is not None]
    image = subject.images(shard)
    encoded = texts([text for _, text in there])
    which = torch.tensor([place for place, _ in there], device=image.grid.device)
    each = torch.arange(len(there), device=which.device)
    predicted = row_logits(BoundClassifier(model, image, encoded), which, each).argmax(1)
    raw = maps_of(model, image, encoded, Rows(which, each, predicted), subject.question.method)
    p = np.full((len(asked), *raw.shape[1:]), np.nan)
    p[[edited is not None for _, edited in asked]] = distribution(raw)
    return text_information(p.reshape(len(edits), len(shard), *raw.shape[1:]).swapaxes(0, 1))


def _head_rows(subject: Subject) -> pd.DataFrame:
    damaged = [with_random_head(subject.model, SEED + draw) for draw in range(RANDOM_HEADS)]
    parts = []
    for shard in subject.shards:
        own = own_maps(subject, shard)
        raw = [maps_of(model, own.image, own.text, own.rows, subject.question.method) for model in damaged]
        parts.append(per_pair(subject, shard, _likeness("random_head", own, np.stack(raw))))
    return pd.concat(parts, ignore_index=True)


def _cascade_rows(subject: Subject) -> pd.DataFrame:
    shard = range(len(subject.question.pairs))
    own, pixels = own_maps(subject, shard), subject.pixels(shard)
    found = []
    for damaged in cascade(subject.model, SEED, STAGES):
        with torch.no_grad(), evaluating(damaged):
            image = damaged.encode_image(pixels)
        found.append(maps_of(damaged, image, own.text, own.rows, subject.question.method))
    measures: dict[str, np.ndarray] = {}
    for stage, raw in enumerate(found, 1):
        measures |= _likeness(f"cascade_{stage}_of_{len(found)}", own, raw[None])
    return per_pair(subject, shard, measures)


def _likeness(name: str, own: OwnMaps, raw: Float[np.ndarray, "draws n h w"]) -> dict[str, np.ndarray]:
    """Means over the draws in which a measure is defined, and the share of undefined maps."""
    js = jensen_shannon(distribution(own.raw), distribution(raw))
    return {
        f"{name}_spearman": mean_of_defined(spearman(own.raw, raw)),
        f"{name}_js": mean_of_defined(js),
        f"{name}_undefined": undefined(raw).mean(0),
    }
