"""Does a map lie on the object? Against masks, compared with chance and with an oracle on the same grid.

Masks are given as cell shares, 0 to 1 (``mask_to_grid``). A partly covered cell always counts partly.
"""

import math

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.measures.ranking import top_cells
from gazeshift.measures.where import Maps, PerMap, mask_mass, undefined


def mask_excess(p: Maps, own: Maps, others: Float[np.ndarray, "*#b m h w"]) -> PerMap:
    """Mass inside the own mask minus mean mass inside other images' masks, -1 to 1; higher: follows its own object.

    0 on average for maps that do not depend on the image, wherever objects usually are: unlike ``mask_lift`` it is not earned by looking
    at the centre. NaN if the map is undefined, its own mask empty, or no other mask left; empty ones are left out.

    Args:
        p: distributions over cells.
        own: masks of the object in the map's own image.
        others: ``m`` masks of other images. Mass is linear in the mask, so their mean gives the same result.

    Example:
        >>> p, own, other = np.array([[0.75, 0.25]]), np.array([[1.0, 0.0]]), np.array([[[0.0, 1.0]]])
        >>> float(mask_excess(p, own, other))
        0.5
    """
    filled = (others > 0).any((-2, -1))
    masses = np.where(filled, mask_mass(p[..., None, :, :], others), 0)
    count = np.where(filled.any(-1), filled.sum(-1), np.nan)
    present = np.where((own > 0).any((-2, -1)), 1.0, np.nan)
    return np.asarray(mask_mass(p, own) * present - masses.sum(-1) / count)


def rank_accuracy(raw: Maps, mask: Maps) -> PerMap:
    """Share of the mask's area covered by the map's highest cells, as many as the mask has, 0 to 1; higher: better.

    With ``K`` the area of the mask in cells: mask inside the ``K`` highest cells, over ``K`` (Arras, Osman & Samek, "CLEVR-XAI", 2022,
    who use whole cells). Tied cells share places evenly, a fraction of ``K`` takes a fraction of a cell (``top_cells``). Invariant to
    any increasing function of the map. Chance level: the mask's share of the grid; at best ``rank_ceiling``. NaN if the map is undefined or
    the mask empty.

    Args:
        raw: signed maps, or distributions.
        mask: cell shares.

    Example:
        >>> raw = np.array([[4.0, 3.0, 2.0, 1.0]])
        >>> float(rank_accuracy(raw, np.array([[1.0, 0.0, 1.0, 0.0]])))
        0.5
    """
    area = mask.sum((-2, -1))
    area = np.where(area > 0, area, np.nan)
    defined = np.where(undefined(raw)[..., None, None], np.nan, raw)
    return np.asarray((top_cells(defined, area) * mask).sum((-2, -1)) / area)


def pointing_game(p: Maps, mask: Maps, tolerance: float = 0.0) -> PerMap:
    """Whether the highest cell lies on the object, or near it: 0 to 1; higher: better.

    1 or 0 for masks of whole cells (Zhang et al., "Top-down neural attention by excitation backprop", 2018); otherwise the largest share of
    a cell that the mask covers, within the tolerance. Several highest cells are averaged. Chance level: ``pointing_chance``; at best
    ``pointing_ceiling``. NaN if the map is undefined or the mask empty.

    Args:
        p: distributions over cells.
        mask: cell shares.
        tolerance: distance between cell centres, in cells, up to which a miss counts as a hit: 1 includes four neighbours, 1.5 all eight.

    Raises:
        UsageError: a tolerance below 0.

    Example:
        >>> p, mask = np.array([[0.1, 0.6, 0.3]]), np.array([[1.0, 0.0, 0.0]])
        >>> float(pointing_game(p, mask)), float(pointing_game(p, mask, tolerance=1.0))
        (0.0, 1.0)
    """
    peaks = p == p.max((-2, -1), keepdims=True)
    found = peaks.any((-2, -1)) & (mask > 0).any((-2, -1))
    hits = (peaks * _within(mask, tolerance)).sum((-2, -1))
    return np.asarray(np.where(found, hits / np.maximum(peaks.sum((-2, -1)), 1), np.nan))


def pointing_chance(mask: Maps, tolerance: float = 0.0) -> PerMap:
    """The pointing game's expected score if every cell is equally likely to be the highest, 0 to 1; NaN if the mask is empty.

    Example:
        >>> float(pointing_chance(np.array([[1.0, 0.0, 0.0, 0.0]]), tolerance=1.0))
        0.5
    """
    return _if_filled(mask, np.asarray(_within(mask, tolerance).mean((-2, -1))))


def beyond_chance(score: PerMap, chance: PerMap) -> PerMap:
    """``(e - a) / (1 - a)``: 1 perfect, 0 chance, negative below; NaN if chance is already perfect.

    Chance is the mask's share of the grid for mass in the mask and ``rank_accuracy``, and ``pointing_chance`` for ``pointing_game``.
    The correction of Cohen's kappa ("A coefficient of agreement for nominal scales", 1960).

    Example:
        >>> float(beyond_chance(np.asarray(0.75), np.asarray(0.5)))
        0.5
    """
    room = 1 - np.asarray(chance)
    return np.asarray((score - chance) / np.where(room > 0, room, np.nan))


def mass_ceiling(mask: Maps) -> PerMap:
    """The most mass that any map on the grid can have inside a mask: the largest share of a cell that the mask covers; NaN if it is empty.

    Example:
        >>> float(mass_ceiling(np.array([[0.5, 0.75]])))
        0.75
    """
    return _if_filled(mask, np.asarray(mask.max((-2, -1))))


def rank_ceiling(mask: Maps) -> PerMap:
    """Best rank accuracy on the grid: that of a map that ranks the cells by the share that the mask covers; NaN if it is empty.

    Example:
        >>> float(rank_ceiling(np.array([[0.5, 0.5, 1.0, 0.0]])))
        0.75
    """
    return rank_accuracy(mask, mask)


def pointing_ceiling(mask: Maps) -> PerMap:
    """Best result of the pointing game on the grid, with any tolerance: the same as ``mass_ceiling``, which one cell can reach.

    Example:
        >>> float(pointing_ceiling(np.array([[0.5, 0.75]])))
        0.75
    """
    return mass_ceiling(mask)


def _if_filled(mask: Maps, values: np.ndarray) -> PerMap:
    return np.asarray(np.where((mask > 0).any((-2, -1)), values, np.nan))


def _within(mask: Maps, tolerance: float) -> Maps:
    """The largest value of a mask within a distance of every cell."""
    if not tolerance >= 0:
        raise UsageError(f"The pointing game's tolerance is a distance in cells, 0 or more, not {tolerance}.")
    height, width = mask.shape[-2:]
    tall, wide = (min(math.floor(tolerance), cells - 1) for cells in (height, width))
    padded = np.pad(np.asarray(mask, dtype=np.float64), [(0, 0)] * (mask.ndim - 2) + [(tall, tall), (wide, wide)])
    near = np.asarray(mask, dtype=np.float64)
    for down in range(-tall, tall + 1):
        for right in range(-wide, wide + 1):
            if math.hypot(down, right) <= tolerance:
                top, left = tall + down, wide + right
                near = np.maximum(near, padded[..., top : top + height, left : left + width])
    return near
