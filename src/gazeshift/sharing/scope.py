"""What the maps of a classifier can and cannot show, known from its structure, its tap and the methods that it allows."""

import torch
from PIL import Image

from gazeshift.errors import UsageError
from gazeshift.models.classifier import BoundClassifier, Classifier
from gazeshift.rounding import rounding
from gazeshift.saliency import METHODS, PIXEL_METHODS, Rows, compute_maps, text_influence
from gazeshift.saliency.cams import default_method

_ADDITIVE = (
    "So two texts give the same map of the same class, exactly. Where their maps differ, they are maps of different classes: `gs.shift` "
    "finds a switch, and nothing within a class."
)
_FREE = (
    "Whether and how far a text does move the map is a property of these weights and has to be measured (`gs.shift`), beside what a "
    "paraphrase moves: that much is not about the text's meaning."
)
_EVIDENCE = (
    "A map says which cells speak for a class according to this model. It does not say that the model would decide otherwise without them "
    "(`gs.faithfulness` asks that), nor that people would look there."
)


def scope(model: Classifier) -> list[str]:
    """Sentences, each about one thing: the text, the cells, the methods, the noise.

    Example:
        >>> import gazeshift as gs
        >>> scope(gs.load("model"))[0]  # doctest: +SKIP
        'A ReLU layer sees image and text together: the text can re-weight the image's channels through the layer's gates, ...'
    """
    structure = model.structure
    said = [text_influence(model).sentence]
    if not structure.sees_image:
        return said
    if structure.reads_text:
        said.append(_ADDITIVE if structure.additive else _FREE)
    side = model.spec.preprocessing.size
    bound = model.bind([Image.new("RGB", (side, side))], [""])
    return [*said, _cells(model, bound, side), *_methods(bound), _noise(bound), _EVIDENCE]


def _cells(model: Classifier, bound: BoundClassifier, side: int) -> str:
    height, width = bound.grid.shape[2:]
    image = model.spec.image
    return (
        f"Maps are taken at the tap `{image.tap}` of `{image.name}`: {height} x {width} cells for a picture of {side} x {side} pixels. "
        f"Nothing smaller than a cell, {side / height:.0f} x {side / width:.0f} pixels, can be told apart, and a cell knows more of the "
        "picture than it covers."
    )


def _methods(bound: BoundClassifier) -> list[str]:
    """The default, what else this structure allows, and what it does not, with the reason."""
    refused = {name: why for name in METHODS if (why := _refused(bound, name)) is not None}
    default = default_method(bound)
    others = ", ".join(f"`{name}`" for name in METHODS if name not in refused and name != default)
    said = [f"The default method is `{default}`. Also possible: {others}."]
    reasons: dict[str, list[str]] = {}
    for name, why in refused.items():
        reasons.setdefault(why, []).append(f"`{name}`")
    return said + [f"Not possible: {', '.join(names)}: {why}" for why, names in reasons.items()]


def _refused(bound: BoundClassifier, method: str) -> str | None:
    """Why a method cannot be used; found by using it. Those that change the picture work with every classifier, and are slow."""
    if method in PIXEL_METHODS:
        return None
    first = torch.zeros(1, dtype=torch.long, device=bound.grid.device)
    try:
        compute_maps(bound, Rows(first, first, first), method)
    except UsageError as error:
        return str(error)
    return None


def _noise(bound: BoundClassifier) -> str:
    return (
        f"Rounding leaves noise in a map: {rounding(bound.step):.0e} of what the terms of a cell would sum to if none cancelled "
        "(`maps.noise`). A map that nowhere rises above it points nowhere: it is undefined, counted, and never averaged in."
    )
