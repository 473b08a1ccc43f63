"""Maps of many rows at once, in chunks that fit in memory. Every map is computed here."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models import evaluating
from gazeshift.models.bottleneck import IMAGES_AT_ONCE
from gazeshift.models.bound import Bound
from gazeshift.rounding import rounding
from gazeshift.saliency.cams import DEFAULT, METHODS, PIXEL_METHODS, method_for
from gazeshift.saliency.closed import RULES, Closed
from gazeshift.saliency.magnitude import noise_of, resolved
from gazeshift.saliency.path import gaps_of
from gazeshift.saliency.probe import Probe, Rows, chunk

_ROWS_AT_ONCE = 4096
"""In closed form, where a row takes little."""


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


def compute_maps(bound: Bound, rows: Rows, method: str = DEFAULT) -> ComputedMaps:
    """Compute the map of every row; the model's own modes are restored.

    Args:
        bound: the model with its images and texts.
        rows: which grid, text and class each row explains.
        method: a name in ``METHODS``, or ``default``: the one that suits the model (``default_method``).

    Raises:
        UsageError: an unknown method, one that changes the image of a model without its pixels, or one that needs attention on a model
            without it.
    """
    method = method_for(bound, method)
    # A changed image goes through the trunk once for all its rows, so these methods get all rows; their logits are chunked in the probe.
    parts = [rows] if method in PIXEL_METHODS else _of_few_images(rows)
    with evaluating(bound):
        found = [each for part in parts for each in _computed(bound, part, method)]
    return ComputedMaps(*(torch.cat(column) for column in zip(*found, strict=True)))


def _of_few_images(rows: Rows) -> list[Rows]:
    """Consecutive parts, each of a few images and of as many rows as are taken at once."""
    images, starts, seen = rows.image.tolist(), [0], set[int]()
    for index, image in enumerate(images):
        if len(seen | {image}) > IMAGES_AT_ONCE or index - starts[-1] >= _ROWS_AT_ONCE:
            starts.append(index)
            seen = set()
        seen.add(image)
    return [rows.part(start, stop) for start, stop in pairwise([*starts, len(rows)])]


def _computed(bound: Bound, rows: Rows, method: str) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Maps, scores, noise and gaps of some rows: in closed form if the method has one here, else a few rows at a time."""
    rule = RULES.get(method)
    closed = None if rule is None else Closed.of(bound, rows)
    if rule is not None and closed is not None:
        maps, noise = closed.maps(rule), rounding(bound.step) * closed.magnitudes(rule)
        yield resolved(maps, noise), closed.scores, noise.amax((1, 2)), maps.new_full((len(maps),), torch.nan)
        return
    cells = 1 if bound.pools_first else bound.grid[0, 0].numel()
    size = chunk(bound.grid.shape[1] * cells, bound.grid.device)
    size = len(rows) if method in PIXEL_METHODS else size
    for start in range(0, len(rows), size):
        probe = Probe(bound, rows.part(start, start + size))
        maps = METHODS[method](probe).detach()
        noise, gaps = noise_of(method, probe), gaps_of(method, probe, maps)
        yield resolved(maps, noise), probe.scores, noise.amax((1, 2)), gaps


@torch.no_grad()
def row_logits(bound: Bound, grid_row: Int[Tensor, " r"], text: Int[Tensor, " r"]) -> Float[Tensor, "r classes"]:
    """Logits of chosen grids with texts, from the tap on, in chunks: what precedes the text once per grid, where that is known."""
    source = bound.grid.mean((2, 3), keepdim=True) if bound.pools_first else bound.grid
    size, narrow = chunk(source[0].numel(), source.device), bound.bottleneck
    with evaluating(bound):
        if narrow is None:
            parts = [
                bound.logits(source[rows], rows, text[start : start + size])
                for start in range(0, len(grid_row), size)
                for rows in [grid_row[start : start + size]]
            ]
            return torch.cat(parts)
        images, place = torch.unique(grid_row, return_inverse=True)
        seen = narrow.seen(source, images, size)
        rows = torch.split(torch.arange(len(place), device=place.device), chunk(seen.shape[1], seen.device))
        return torch.cat([narrow.classify(seen[place[some]], grid_row[some], text[some]) for some in rows])


def probabilities(logits: Float[Tensor, "r classes"]) -> Float[Tensor, "r classes"]:
    """Softmax of the logits; NaN for a model with a single score, which has none.

    Example:
        >>> probabilities(torch.zeros(1, 2)).tolist(), probabilities(torch.zeros(1, 1)).isnan().tolist()
        ([[0.5, 0.5]], [[True]])
    """
    return logits.softmax(1) if logits.shape[1] > 1 else torch.full_like(logits, torch.nan)


def class_logits(bound: Bound, texts: int) -> Float[Tensor, "n t classes"]:
    """Logits of every grid with every one of some texts, from the tap on."""
    count, device = len(bound.grid), bound.grid.device
    grids = torch.arange(count, device=device).repeat_interleave(texts)
    return row_logits(bound, grids, torch.arange(texts, device=device).repeat(count)).view(count, texts, -1)
