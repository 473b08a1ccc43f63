"""What a text can and cannot do to a map, from the structure of the head, and whether numbers agree."""

from dataclasses import dataclass

import torch

from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, TextFeatures, evaluating
from gazeshift.saliency.compute import compute_maps
from gazeshift.saliency.probe import Rows

IMAGES, TEXTS = 4, 4
TOLERANCE = 1e-5


@dataclass(frozen=True)
class TextInfluence:
    """Whether the text can change the map of a fixed class (its logit as the target).

    Attributes:
        can_move_map: from the structure: False if the logits are a function of the image plus a function of the text.
        largest_change: over random grids, random texts and all classes: largest change of a map between two texts, relative to the largest
            value of the map; 0 if the text cannot act.
        agrees: whether the numbers match the structure.
        sentence: the same for people.
    """

    can_move_map: bool
    largest_change: float
    agrees: bool
    sentence: str


def text_influence(model: Classifier, method: str = "grad-cam") -> TextInfluence:
    """Report whether the text can change the map of a fixed class, and check it on random features.

    Args:
        model: any classifier.
        method: a saliency method with maps that depend on the model through the class's logit.

    Example:
        >>> text_influence(model).sentence  # doctest: +SKIP
        'This head is additive: for a fixed class the text cannot move the map.'
    """
    if not model.structure.sees_image:
        return TextInfluence(False, 0.0, True, model.structure.sentence)
    change = _largest_change(model, method)
    can = not model.structure.additive
    agrees = can or change <= TOLERANCE
    checked = (
        f"Checked on random features: the largest change of a map between two texts is {change:.1e} of its maximum."
    )
    return TextInfluence(can, change, agrees, f"{model.structure.sentence} {checked}")


def _largest_change(model: Classifier, method: str) -> float:
    generator = torch.Generator().manual_seed(0)
    size = model.spec.preprocessing.size
    with torch.no_grad(), evaluating(model):
        example = model.encode_image(torch.zeros(1, 3, size, size, device=model.device))
    grid = torch.randn(IMAGES, *example.grid.shape[1:], generator=generator).to(model.device)
    prefix = None if example.prefix is None else example.prefix.expand(IMAGES, -1, -1)
    pooled = torch.randn(TEXTS, model.encoder.width, generator=generator).to(model.device)
    classes = torch.arange(len(model.classes))
    image, text, target = (
        torch.cartesian_prod(torch.arange(IMAGES), torch.arange(TEXTS), classes).to(model.device).unbind(1)
    )
    features, texts = ImageFeatures(grid, prefix), TextFeatures.from_pooled(pooled)
    maps = compute_maps(BoundClassifier(model, features, texts), Rows(image, text, target), method).maps
    maps = maps.view(IMAGES, TEXTS, len(classes), -1)
    spread = (maps - maps[:, :1]).abs().amax((1, 3))
    scale = maps.abs().amax((1, 3)).clamp(min=torch.finfo(maps.dtype).tiny)
    return float((spread / scale).max())
