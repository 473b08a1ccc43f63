"""What is minimised: the cross-entropy with both modalities, and, where asked for, with one of them absent, or of comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gazeshift.errors import TrainingError
from gazeshift.models import Classifier, ImageFeatures, TextFeatures
from gazeshift.models.absent import empty_text, without_image, without_text
from gazeshift.training.blending import Three
from gazeshift.training.inputs import Batch, Inputs
from gazeshift.training.recipe import Recipe
from gazeshift.training.whole_batch import as_in_whole_batch


@dataclass(frozen=True, eq=False)
class Seen:
    """A batch as the fusion gets it.

    Attributes:
        image: at the tap.
        text: encoded.
        empty: the empty text, encoded in the same way.
        labels: of each pair.
        own: which pairs count; others only fill up a share.
    """

    image: ImageFeatures
    text: TextFeatures
    empty: TextFeatures
    labels: Int[Tensor, " b"]
    own: slice

    def without(self, image: Bool[Tensor, " b"], text: Bool[Tensor, " b"]) -> "Seen":
        """The same pairs, some without their image and some without their text."""
        return replace(self, image=without_image(self.image, image), text=without_text(self.text, self.empty, text))


@dataclass(frozen=True, eq=False)
class Losses:
    """What one step of training found.

    Attributes:
        total: what is minimised.
        each: the losses with both modalities, with the image alone and with the text alone; or the first only.
    """

    total: Float[Tensor, ""]
    each: tuple[Float[Tensor, ""], ...]


def suited(recipe: Recipe, model: Classifier) -> Recipe:
    """The recipe as it concerns a model: with one modality there is nothing to drop, to blend or to compare."""
    if model.sees_image and model.reads_text:
        return recipe
    return recipe.model_copy(update={"modality_dropout": 0.0, "unimodal": "none", "contrastive": 0.0})


def losses(model: Classifier, inputs: Inputs, batch: Batch, recipe: Recipe, weights: Three) -> Losses:
    """The losses of a share of a batch.

    Args:
        model: in training mode.
        inputs: the training pairs.
        batch: of theirs.
        recipe: what is asked for, as it is ``suited`` to the model.
        weights: of the losses, where they are blended.

    Raises:
        TrainingError: a contrastive loss without a space to compare in, or of a share of a batch.
    """
    if not recipe.compares_modalities:
        with as_in_whole_batch(batch.share, recipe.accumulate):
            logits = inputs.logits(model, batch).float()
        labels = batch.labels.to(logits.device)
        found = F.cross_entropy(
            logits[batch.share.own], labels[batch.share.own], label_smoothing=recipe.label_smoothing
        )
        return Losses(found, (found,))
    empty = empty_text(model)
    with as_in_whole_batch(batch.share, recipe.accumulate):
        image, text = inputs.encoded(model, batch)
        seen = Seen(image, text, empty, batch.labels.to(model.device), batch.share.own)
        return _of_modalities(model, seen, batch, recipe, weights)


def _of_modalities(model: Classifier, seen: Seen, batch: Batch, recipe: Recipe, weights: Three) -> Losses:
    whole = seen
    if recipe.modality_dropout and batch.uniform is not None:
        seen = dropped(seen, batch.uniform.to(seen.labels.device), recipe.modality_dropout)
    if recipe.unimodal == "none":
        found = [cross_entropy(model, seen, recipe.label_smoothing)]
        total = found[0]
    else:
        found = [cross_entropy(model, seen, recipe.label_smoothing), *alone(model, whole, recipe.label_smoothing)]
        total = blended(found, weights if recipe.unimodal == "blended" else (1.0, recipe.auxiliary, recipe.auxiliary))
    if recipe.contrastive:
        if batch.share.count < batch.share.whole:
            raise TrainingError(
                "contrastive: every pair of a batch is compared with every other: train in one process, with accumulate: 1."
            )
        total = total + recipe.contrastive * contrastive(model, whole)
    return Losses(total, tuple(found))


def three_losses(model: Classifier, inputs: Inputs, batch: Batch) -> list[Float[Tensor, ""]]:
    """The cross-entropies of a batch with both modalities, with the image alone and with the text alone, as they are measured."""
    image, text = inputs.encoded(model, batch)
    seen = Seen(image, text, empty_text(model), batch.labels.to(model.device), batch.share.own)
    return [cross_entropy(model, seen, 0.0), *alone(model, seen, 0.0)]


def cross_entropy(model: Classifier, seen: Seen, smoothing: float) -> Float[Tensor, ""]:
    """Of the pairs that count."""
    logits = model.classify(seen.image, seen.text).float()
    return F.cross_entropy(logits[seen.own], seen.labels[seen.own], label_smoothing=smoothing)


def alone(model: Classifier, seen: Seen, smoothing: float) -> list[Float[Tensor, ""]]:
    """The losses with the image alone, and with the text alone."""
    every = torch.ones(len(seen.labels), dtype=torch.bool, device=seen.labels.device)
    views = (seen.without(image=~every, text=every), seen.without(image=every, text=~every))
    return [cross_entropy(model, view, smoothing) for view in views]


def blended(losses: Sequence[Float[Tensor, ""]], weights: Three) -> Float[Tensor, ""]:
    """Their weighted sum."""
    return torch.stack([weight * loss for weight, loss in zip(weights, losses, strict=True)]).sum()


def dropped(seen: Seen, uniform: Float[Tensor, " b"], rate: float) -> Seen:
    """Modality dropout: half of a share of the pairs lose their image, the other half their text.

    Neverova et al., "ModDrop: adaptive multi-modal gesture recognition", 2016; here never both at once.

    Args:
        seen: the batch.
        uniform: a number in [0, 1) for each pair.
        rate: share of the pairs that lose something.
    """
    return seen.without(image=uniform < rate / 2, text=(uniform >= rate / 2) & (uniform < rate))


def contrastive(model: Classifier, seen: Seen) -> Float[Tensor, ""]:
    """Symmetric contrastive loss: each image should be nearest to its own text, each text to its own image (CLIP, 2021).

    Raises:
        TrainingError: the model's fusion has no space in which both can be compared.
    """
    space = model.head.space
    if space is None:
        raise TrainingError(
            f"contrastive: the fusion {model.spec.head.head!r} has no common space of images and texts; leave it out, or take one that has."
        )
    similarity = space.similarity(model.trunk.pool(seen.image), seen.text).float()
    own = torch.arange(len(similarity), device=similarity.device)
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2
