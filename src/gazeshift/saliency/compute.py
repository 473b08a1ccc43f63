"""Maps of many rows at once, in chunks that fit in memory. Every map is computed here."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models import ImageFeatures, TextFeatures, evaluating
from gazeshift.models.adapters.protocol import Explainable
from gazeshift.saliency.cams import METHODS, PIXEL_METHODS, method_for
from gazeshift.saliency.magnitude import noise_of, resolved
from gazeshift.saliency.path import gaps_of
from gazeshift.saliency.probe import Probe, Rows, chunk


@dataclass(frozen=True)
class ComputedMaps:
    """Raw signed maps and the logits they explain, one per row.

    Attributes:
        maps: without positive values if none exceeds the rounding of the terms that it sums.
        scores: the explained logits.
        noise: the largest noise level of a map's cells, in units of the map: the residue of its terms due to rounding.
        gaps: relative completeness error of the map's sum (integrated gradients); NaN for methods without completeness.
    """

    maps: Float[Tensor, "r h w"]
    scores: Float[Tensor, " r"]
    noise: Float[Tensor, " r"]
    gaps: Float[Tensor, " r"]


def compute_maps(
    model: Explainable,
    image: ImageFeatures,
    text: TextFeatures,
    rows: Rows,
    method: str = "grad-cam",
    *,
    pixels: Float[Tensor, "n 3 H W"] | None = None,
) -> ComputedMaps:
    """Compute the map of every row; the model's own modes are restored.

    Args:
        model: the classifier.
        image: encoded images.
        text: encoded texts.
        rows: which image, text and class each row explains.
        method: a name in ``METHODS``, or ``default``: the one that suits the model (``default_method``).
        pixels: the images as input to the trunk; only the ``PIXEL_METHODS`` need them.

    Raises:
        UsageError: an unknown method, one that needs the pixels without them, or one that needs attention on a model without it.
    """
    method = method_for(model, method)
    draw = METHODS[method]
    cells = 1 if model.pools_first else image.grid[0, 0].numel()
    size = chunk(image.grid.shape[1] * cells, image.grid.device)
    # A changed image goes through the trunk once for all its rows, so these methods get all rows; their logits are chunked in the probe.
    size = len(rows) if method in PIXEL_METHODS else size
    parts = []
    with evaluating(model):
        for start in range(0, len(rows), size):
            probe = Probe(model, image, text, rows.part(start, start + size), pixels)
            maps = draw(probe).detach()
            noise, gaps = noise_of(method, probe), gaps_of(method, probe, maps)
            parts.append((resolved(maps, noise), probe.scores, noise.amax((1, 2)), gaps))
    return ComputedMaps(*(torch.cat(column) for column in zip(*parts, strict=True)))


@torch.no_grad()
def row_logits(
    model: Explainable,
    image: ImageFeatures,
    text: TextFeatures,
    image_index: Int[Tensor, " r"],
    text_index: Int[Tensor, " r"],
) -> Float[Tensor, "r classes"]:
    """Logits of chosen image-text combinations, from the tap on, in chunks."""
    source = image.averaged() if model.pools_first else image
    size = chunk(source.grid[0].numel(), source.grid.device)
    with evaluating(model):
        parts = [
            model.classify(source.rows(image_index[start : start + size]), text.rows(text_index[start : start + size]))
            for start in range(0, len(image_index), size)
        ]
    return torch.cat(parts)


def class_logits(model: Explainable, image: ImageFeatures, text: TextFeatures) -> Float[Tensor, "n t classes"]:
    """Logits of every image with every text, from the tap on."""
    device = image.grid.device
    images = torch.arange(len(image), device=device).repeat_interleave(len(text))
    texts = torch.arange(len(text), device=device).repeat(len(image))
    return row_logits(model, image, text, images, texts).view(len(image), len(text), -1)
