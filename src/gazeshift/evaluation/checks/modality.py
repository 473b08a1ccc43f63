"""How much text and image matter to the prediction: from stored features, only the head runs again (for MM-SHAP the text encoder too)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from gazeshift.evaluation.checks.subject import Subject, grid_of, means, per_pair
from gazeshift.measures import Figure, conditional_utilisation, crossed_accuracy, crossed_statistic
from gazeshift.models import BoundClassifier, ImageFeatures
from gazeshift.saliency import class_logits, four_logits, share_between_players

CROSSED_IMAGES = 200
"""Every image is paired with every text, so this caps the number of each (Hessel & Lee 2020 use a few hundred)."""

SHAP_IMAGES = 25
"""MM-SHAP reads some hundred parts of each text."""

ORDERS = 16
"""Random orders of MM-SHAP's players."""


def modality(subject: Subject) -> pd.DataFrame:
    """Per pair; means over pairs are the measures.

    ``accuracy``, ``accuracy_emap``: accuracy, and accuracy of the best additive projection of the logits. ``perceptual_text``,
    ``perceptual_image``: the accuracy lost if that modality is permuted, over all permutations. ``shapley_text``, ``shapley_image``,
    ``interaction``, ``interaction_size`` (without its sign): shares of the predicted logit. ``accuracy_both``, ``accuracy_text_alone``,
    ``accuracy_image_alone``: with the mean features of training pairs for what is absent. ``t_shap``: MM-SHAP's share of the text.
    """
    parts = [_players(subject, shard) for shard in subject.shards]
    return pd.concat(
        [*parts, _crossed(subject.some(CROSSED_IMAGES)), _shares(subject.some(SHAP_IMAGES))], ignore_index=True
    )


def figures(rows: pd.DataFrame) -> dict[str, Figure]:
    """All means, and how much of the accuracy is lost without a modality: conditional utilisation (Wu et al. 2022)."""
    found = means(rows)
    both = grid_of(rows, "accuracy_both")
    for gained, alone in (("text", "image"), ("image", "text")):
        found[f"utilisation_{gained}"] = utilisation(both, grid_of(rows, f"accuracy_{alone}_alone"))
    return found


def utilisation(both: Float[np.ndarray, "seeds n"], alone: Float[np.ndarray, "seeds n"]) -> Figure:
    """``(A - A alone) / A`` from correct predictions with both modalities and with one; intervals resample seeds and pairs."""

    def relative(right: Float[np.ndarray, "*b 2"]) -> Float[np.ndarray, "*b"]:
        return conditional_utilisation(right[..., 0], right[..., 1])  # of counts: their number cancels

    return crossed_statistic(np.stack([both, alone], axis=-1), relative)


def _labels(subject: Subject, shard: range) -> Int[np.ndarray, " n"]:
    place = {name: index for index, name in enumerate(subject.model.classes)}
    return np.array([place[subject.question.pairs[index].label] for index in shard])


def _players(subject: Subject, shard: range) -> pd.DataFrame:
    image, text = subject.images(shard), subject.texts([subject.text_of(index) for index in shard])
    each = torch.arange(len(shard), device=image.grid.device)
    four = four_logits(BoundClassifier(subject.model, image, text), each, each, subject.baseline())
    shares = four.shapley(four.both.argmax(1))
    labels = _labels(subject, shard)
    return per_pair(
        subject,
        shard,
        {
            "shapley_text": shares.text,
            "shapley_image": shares.image,
            "interaction": shares.interaction,
            "interaction_size": np.abs(shares.interaction),
            "accuracy_both": four.both.argmax(1) == labels,
            "accuracy_text_alone": four.text.argmax(1) == labels,
            "accuracy_image_alone": four.image.argmax(1) == labels,
        },
    )


def _crossed(subject: Subject) -> pd.DataFrame:
    shard = range(len(subject.question.pairs))
    image, text = _at_the_head(subject), subject.texts([subject.text_of(index) for index in shard])
    logits = class_logits(BoundClassifier(subject.model, image, text), len(text)).double().cpu().numpy()
    labels = _labels(subject, shard)
    found = crossed_accuracy(logits, labels)
    return per_pair(
        subject,
        shard,
        {
            "accuracy": found.right,
            "accuracy_emap": found.additive,
            "perceptual_text": found.perceptual_text,
            "perceptual_image": found.perceptual_image,
        },
    )


def _at_the_head(subject: Subject) -> ImageFeatures:
    """All images at once: only their means if the model needs no more."""
    parts = [subject.images(shard) for shard in subject.shards]
    parts = [part.averaged() for part in parts] if subject.model.pools_first else parts
    prefixes = [part.prefix for part in parts if part.prefix is not None]
    return ImageFeatures(torch.cat([part.grid for part in parts]), torch.cat(prefixes) if prefixes else None)


def _shares(subject: Subject) -> pd.DataFrame:
    shard = range(len(subject.question.pairs))
    found = []
    for index in shard:
        image, text = subject.images([index]), subject.text_of(index)
        first = torch.zeros(1, dtype=torch.long, device=image.grid.device)

        def bind(said: Sequence[str], image: ImageFeatures = image) -> BoundClassifier:
            return BoundClassifier(subject.model, image, subject.texts(said))

        four = four_logits(bind([text]), first, first, subject.baseline())
        found.append(share_between_players(bind, text, int(four.both[0].argmax()), ORDERS).t_shap)
    return per_pair(subject, shard, {"t_shap": np.array(found)})
