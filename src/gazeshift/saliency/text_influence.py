"""What a text can and cannot do to a map: declared by the structure of a head and checked, or tried on a model from outside."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, TextFeatures, evaluating
from gazeshift.models.face import Model
from gazeshift.models.heads import Structure
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.cams import DEFAULT, method_for
from gazeshift.saliency.compute import compute_maps
from gazeshift.saliency.explain import check_sees
from gazeshift.saliency.probe import Rows

IMAGES, TEXTS = 4, 4
TOLERANCE = 1e-5
_SIZE = (96, 64)
_TRIED = ("", "a photo", "two red dogs on the left", "this is something else altogether")
_CLASSES_TRIED = 5


@dataclass(frozen=True)
class TextInfluence:
    """Whether the text can change the map of a fixed class (its logit as the target).

    Attributes:
        can_move_map: False if the logits are a function of the image plus a function of the text. Declared by the structure of a model
            trained here; of any other model it is what was seen in trials, where False means that no text moved a map.
        largest_change: over random grids (of other models: random pictures), texts and classes: largest change of a map between two texts,
            relative to the largest value of the map; 0 if the text cannot act.
        agrees: whether the numbers match the structure; True where nothing is declared.
        sentence: the same for people.
    """

    can_move_map: bool
    largest_change: float
    agrees: bool
    sentence: str


def text_influence(model: Model, method: str = DEFAULT) -> TextInfluence:
    """Report whether the text can change the map of a fixed class, and check it on random features or pictures.

    Args:
        model: any model.
        method: a saliency method with maps that depend on the model through the class's logit.

    Example:
        >>> text_influence(model).sentence  # doctest: +SKIP
        'This head is additive: for a fixed class the text cannot move the map.'
    """
    if isinstance(model, Classifier):
        return _declared(model, model.structure, method)
    check_sees(model)
    if not model.reads_text:
        return TextInfluence(False, 0.0, True, "This model reads no text: no text can move the map.")
    change = _change_on_pictures(model, method)
    said = "moved the map" if change > TOLERANCE else "left the map as it was"
    sentence = (
        f"Tried on {IMAGES} random pictures with {len(_TRIED)} texts, because its structure is not declared: for a fixed class the text "
        f"{said} (largest change: {change:.1e} of its maximum)."
    )
    return TextInfluence(change > TOLERANCE, change, True, sentence)


def _declared(model: Classifier, structure: Structure, method: str) -> TextInfluence:
    if not structure.sees_image:
        return TextInfluence(False, 0.0, True, structure.sentence)
    change = _change_on_features(model, method)
    can = not structure.additive
    checked = (
        f"Checked on random features: the largest change of a map between two texts is {change:.1e} of its maximum."
    )
    return TextInfluence(can, change, can or change <= TOLERANCE, f"{structure.sentence} {checked}")


def _change_on_features(model: Classifier, method: str) -> float:
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
    bound = BoundClassifier(model, ImageFeatures(grid, prefix), TextFeatures.from_pooled(pooled))
    maps = compute_maps(bound, Rows(image, text, target), method).maps
    return _largest(maps.view(IMAGES, TEXTS, len(classes), -1))


def _change_on_pictures(model: Model, method: str) -> float:
    rng, texts = np.random.default_rng(0), len(_TRIED)
    classes = torch.arange(min(len(model.classes), _CLASSES_TRIED))
    changes = []
    for _ in range(IMAGES):
        picture = Image.fromarray(rng.integers(0, 256, (_SIZE[1], _SIZE[0], 3), dtype=np.uint8))
        bound = model.about(picture, _TRIED[0]).bind([picture], _TRIED)
        text, target = torch.cartesian_prod(torch.arange(texts), classes).to(bound.grid.device).unbind(1)
        with torch.autocast(bound.grid.device.type, enabled=False):
            asked = Asked.of(bound, torch.zeros(texts, dtype=torch.long), torch.arange(texts)).at(text)
            maps = asked.compute(target, method_for(bound, method)).maps
        changes.append(_largest(maps.view(1, texts, len(classes), -1)))
    return max(changes)


def _largest(maps: Float[Tensor, "n t classes cells"]) -> float:
    spread = (maps - maps[:, :1]).abs().amax((1, 3))
    scale = maps.abs().amax((1, 3)).clamp(min=torch.finfo(maps.dtype).tiny)
    return float((spread / scale).max())
