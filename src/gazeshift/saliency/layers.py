"""Which layer of a model to explain at: every layer with a grid of cells, and the one to take, found by trying."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from gazeshift.errors import GazeshiftError, ModelError, UsageError
from gazeshift.models.adapters.given import Given
from gazeshift.models.adapters.listing import GridLayer, Unplaced, at_layer_of, grid_layers
from gazeshift.models.adapters.module import HookedModel
from gazeshift.models.face import Model
from gazeshift.saliency.asked import Asked, check_finite
from gazeshift.saliency.pictures import Picture, open_picture

TEXTS = ("a photo", "two red dogs on the left of something else")
"""Two texts of different lengths, to see where the text reaches."""
_TRIED = 12


@dataclass(frozen=True)
class Layers:
    """The layers with a grid, in the order in which they finish.

    Attributes:
        layers: all of them.
        best: the one to take: the last that no text reaches and whose map is more than rounding; None if none of the last twelve is.
        why_not: for layers that were tried and failed, why.
    """

    layers: tuple[GridLayer, ...]
    best: GridLayer | None
    why_not: dict[str, str]


def layers(model: Model, image: Picture | None = None, texts: Sequence[str] = TEXTS) -> Layers:
    """List the layers of a model that could be explained, and try which to take.

    The best one lies as late as possible, because what comes before it runs once per image, but before the text enters and before the cells
    are pooled; and not just before a norm, where the channels of every cell cancel.

    Args:
        model: from ``gazeshift.model`` (its layer may be left out) or ``from_hub``.
        image: any picture that the model takes; noise if None.
        texts: two texts, to see where the text reaches.

    Raises:
        UsageError: a model with a known tap.
        ModelError: the model fails on the picture, or its outputs are not finite.

    Example:
        >>> layers(mine).best.name  # doctest: +SKIP
        'trunk'
    """
    if not isinstance(model, Given):
        raise UsageError(f"{model.name} was trained here: its tap is known, and needs no choice.")
    net = model.net.net if isinstance(model.net, Unplaced) else model.net
    if not isinstance(net, HookedModel):
        raise UsageError(
            f"{model.name} comes in three parts: the grid is what encode_image gives, and needs no choice."
        )
    picture = _noise() if image is None else open_picture(image)
    found = grid_layers(net, *model.inputs([picture], texts if model.reads_text else [""]))
    free = [layer for layer in found if not layer.text_reaches] or list(found)
    why_not: dict[str, str] = {}
    for layer in list(reversed(free))[:_TRIED]:
        reason = _hindrance(replace(model, net=at_layer_of(net, layer)), picture, texts)
        if reason is None:
            return Layers(found, layer, why_not)
        why_not[layer.name] = reason
    return Layers(found, None, why_not)


def _hindrance(model: Given, picture: Image.Image, texts: Sequence[str]) -> str | None:
    """Why a layer cannot be explained; None if its map is more than rounding."""
    try:
        bound = model.bind([picture], texts)
        asked = Asked.of(bound, torch.zeros(len(texts), dtype=torch.long), torch.arange(len(texts)))
        with torch.autocast(bound.grid.device.type, enabled=False):
            computed = asked.compute(asked.predicted, "hires-cam")
    except (GazeshiftError, ModelError) as error:
        return str(error)
    check_finite(asked.logits, f"{model.name}, whatever the layer")
    clear = (computed.maps.abs().amax((1, 2)) > computed.noise).all()
    return None if bool(clear) else "its map is rounding: the cells reach the output only through a norm, or not at all"


def _noise() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((512, 384))
