"""What a text can and cannot do to a map: declared by the structure of a head and checked, or tried on a model from outside."""

from dataclasses import dataclass

import torch

from gazeshift.models.bound import Bound
from gazeshift.models.face import Model
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.cams import DEFAULT, method_for
from gazeshift.saliency.explain import check_sees

TOLERANCE = 1e-5
_CLASSES_TRIED = 8


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
    declared = model.structure
    if declared is not None and not declared.sees_image:
        return TextInfluence(False, 0.0, True, declared.sentence)
    check_sees(model)
    if declared is None and not model.reads_text:
        return TextInfluence(False, 0.0, True, "This model reads no text: no text can move the map.")
    change = max(_largest_change(bound, texts, len(model.classes), method) for bound, texts in model.trials())
    if declared is not None:
        can, checked = (
            not declared.additive,
            f"the largest change of a map between two texts is {change:.1e} of its maximum",
        )
        return TextInfluence(
            can, change, can or change <= TOLERANCE, f"{declared.sentence} Checked on random features: {checked}."
        )
    said = "moved the map" if change > TOLERANCE else "left the map as it was"
    sentence = (
        f"Tried on random pictures with some texts, because its structure is not declared: for a fixed class the text {said} (largest "
        f"change: {change:.1e} of its maximum)."
    )
    return TextInfluence(change > TOLERANCE, change, True, sentence)


def _largest_change(bound: Bound, texts: int, classes: int, method: str) -> float:
    """The largest change of a class's map between two texts, relative to the largest value of that class's maps; of one image."""
    text, target = torch.cartesian_prod(torch.arange(texts), torch.arange(min(classes, _CLASSES_TRIED))).unbind(1)
    with torch.autocast(bound.grid.device.type, enabled=False):
        asked = Asked.of(bound, torch.zeros_like(text), text)
        maps = asked.compute(target.to(asked.text.device), method_for(bound, method)).maps
    maps = maps.view(texts, -1, maps[0].numel())
    spread = (maps - maps[:1]).abs().amax((0, 2))
    scale = maps.abs().amax((0, 2)).clamp(min=torch.finfo(maps.dtype).tiny)
    return float((spread / scale).max())
