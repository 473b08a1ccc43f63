"""Is the gaze what changes the answer? The gaze of one text is taken into the pass with another, at the tap: only the head runs.

Only a gaze in the forward pass is exchanged (attention over the grid, scales, gates). A map of what the model looks at, drawn after the
pass, is no part of it: nothing in the answer depends on it, so it mediates nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.measures import MediatedEffects, mediated_effects
from gazeshift.models import BoundClassifier, Structure, evaluating
from gazeshift.models.face import Model
from gazeshift.saliency.combination import Combination, choose_target, outputs_for
from gazeshift.saliency.pictures import Picture, open_picture
from gazeshift.saliency.probe import chunk


@dataclass(frozen=True)
class Mediation:
    """What a change of the text does to the answer of one image, and how much of it comes along with the gaze alone; in logits.

    Attributes:
        mediator: what was exchanged (``Structure.mediator``); None for an additive model, where exactly nothing is mediated.
        before: the old text.
        after: the new text.
        explained: the class, or the combination of classes, whose logit ``effects`` is about.
        effects: from the old text to the new one; ``effects.reverse`` is the way back.
        switch: the same of the answer itself: the logit of the class predicted with the new text minus that with the old one; all 0
            if it is the same class.
        predicted: the class predicted with the old text.
        predicted_with_gaze: with the old text and the new text's gaze.
        predicted_with_text: with the new text and the old text's gaze.
        predicted_after: with the new text.
    """

    mediator: str | None
    before: str
    after: str
    explained: str
    effects: MediatedEffects
    switch: MediatedEffects
    predicted: str
    predicted_with_gaze: str
    predicted_with_text: str
    predicted_after: str


def mediation(
    model: Model,
    image: Picture,
    before: str,
    after: str,
    target: str | Combination = "reference",
    *,
    label: str | None = None,
) -> Mediation:
    """Take the gaze of one text into the pass with another, both ways, and measure how much of the answer's change comes along.

    Args:
        model: trained here, with a gaze in its forward pass (``model.structure.mediator``), or additive.
        image: a file, its bytes, a Pillow image, or an array.
        before: the old text.
        after: the new text.
        target: as in ``explain``; ``reference`` and ``predicted`` mean the class predicted with the old text.
        label: the true class, for ``target="label"``.

    Raises:
        UsageError: a model without a gaze that can be exchanged, or with one modality; an unknown class or target.
        ImageError: the image cannot be decoded.

    Example:
        >>> import gazeshift as gs
        >>> found = gs.mediation(gs.load("model"), "photo.jpg", "tuna tartare", "red tomato ketchup")  # doctest: +SKIP
        >>> found.effects.total, found.effects.mediated, found.effects.direct, found.effects.interaction  # doctest: +SKIP
        (-6.1, -1.2, -4.4, -0.5)
    """
    structure = _exchangeable(model)
    picture = open_picture(image, at_least=model.enough)
    bound = model.bind([picture], [before, after])
    if not isinstance(bound, BoundClassifier):
        raise UsageError(_outside(model.name))
    out, outputs = outputs_for(target, model.classes)
    rows = torch.arange(2, device=bound.grid.device)
    logits = exchanged_logits(bound, rows[:1] * 0, rows[:1], rows[1:])[0]
    answers = logits.argmax(2)
    explained = choose_target(model.classes, target, label, int(answers[0, 0]))
    scores = out(torch.from_numpy(logits)).numpy()[..., explained]
    return Mediation(
        mediator=structure.mediator,
        before=before,
        after=after,
        explained=outputs[explained],
        effects=_effects(scores),
        switch=_effects(logits[..., answers[1, 1]] - logits[..., answers[0, 0]]),
        predicted=model.classes[answers[0, 0]],
        predicted_with_gaze=model.classes[answers[0, 1]],
        predicted_with_text=model.classes[answers[1, 0]],
        predicted_after=model.classes[answers[1, 1]],
    )


def can_exchange(structure: Structure) -> bool:
    """Whether it is known what a text's gaze does: it is in the forward pass, or, in an additive model, does nothing."""
    return structure.sees_image and structure.reads_text and (structure.additive or structure.mediator is not None)


@torch.no_grad()
def exchanged_logits(
    bound: BoundClassifier, image: Int[Tensor, " r"], before: Int[Tensor, " r"], after: Int[Tensor, " r"]
) -> Float[np.ndarray, "r 2 2 classes"]:
    """Logits of images with each of two texts, and with the gaze of each: ``[:, t, a]`` are those of text ``t`` with the gaze of ``a``.

    Args:
        bound: a classifier with encoded images and texts. Without a gaze, both columns are the same numbers.
        image: rows of the images.
        before: rows of the old texts.
        after: rows of the new texts.
    """
    head, pool = bound.model.head, bound.model.trunk.pool
    source = bound.image.averaged() if bound.pools_first else bound.image
    parts = [torch.zeros(0, 2, 2, len(bound.model.classes), device=bound.grid.device)]
    with evaluating(bound), torch.autocast(bound.grid.device.type, enabled=False):
        size = chunk(source.grid[0].numel(), image.device)
        for some in torch.split(torch.arange(len(image), device=image.device), size):
            seen = source.rows(image[some])
            texts = [bound.text.rows(rows[some]) for rows in (before, after)]
            if head.gazing is None:
                plain = torch.stack([head(seen, pool, text) for text in texts], dim=1)
                parts.append(plain[:, :, None].expand(-1, -1, 2, -1))
                continue
            met = head.meet(seen, pool)
            gazes = [head.gazing.gaze(met, text) for text in texts]
            rows = [torch.stack([head.gazing.answer(met, text, gaze) for gaze in gazes], dim=1) for text in texts]
            parts.append(torch.stack(rows, dim=1))
    return torch.cat(parts).double().cpu().numpy()


def _effects(scores: Float[np.ndarray, "2 2"]) -> MediatedEffects:
    return mediated_effects(scores[0, 0], scores[0, 1], scores[1, 0], scores[1, 1])


def _exchangeable(model: Model) -> Structure:
    """The structure of a model whose gaze can be exchanged.

    Raises:
        UsageError: it has none; says what to do.
    """
    structure = model.structure
    if structure is None:
        raise UsageError(_outside(model.name))
    if not structure.reads_text:
        raise UsageError(f"model {model.name!r} reads no text: no text changes its answer.")
    if not structure.sees_image:
        raise UsageError(f"model {model.name!r} sees no image: it has no gaze.")
    if not can_exchange(structure):
        raise UsageError(
            f"model {model.name!r}: nothing in its forward pass is a gaze apart from what the text says, so none can be exchanged: "
            "take one of the fusions that docs/mediation.md lists, or gs.modality for what text and image do together."
        )
    return structure


def _outside(name: str) -> str:
    return (
        f"model {name!r} was not trained here, so it is not known what in its forward pass is its gaze (its maps are drawn afterwards and "
        "mediate nothing): train a fusion that docs/mediation.md lists, or take gs.modality."
    )
