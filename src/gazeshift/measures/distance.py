"""How far apart two maps are."""

import numpy as np

from gazeshift.errors import UsageError
from gazeshift.measures.ranking import ranks, top_cells
from gazeshift.measures.where import Maps, PerMap, amplitude, entropy
from gazeshift.rounding import constant

TOP_SHARE = 0.2
"""The share of the cells that ``iou`` compares by default."""


def jensen_shannon(p: Maps, q: Maps, bits: tuple[PerMap, PerMap] | None = None) -> PerMap:
    """Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for disjoint ones; symmetric; NaN if either is undefined.

    ``H((p + q) / 2) - (H(p) + H(q)) / 2`` (Lin, "Divergence measures based on the Shannon entropy", 1991). Its square root is a metric,
    the Jensen-Shannon distance.

    Args:
        p: distributions over cells.
        q: the same shape, or one that broadcasts.
        bits: the ``entropy`` of ``p`` and of ``q``, if already known.

    Example:
        >>> p = np.array([[1.0, 0.0]])
        >>> float(jensen_shannon(p, np.array([[0.0, 1.0]]))), float(jensen_shannon(p, p))
        (1.0, 0.0)
    """
    first, second = (entropy(p), entropy(q)) if bits is None else bits
    return np.asarray(np.clip(entropy((p + q) / 2) - (first + second) / 2, 0, 1))


def pearson(a: Maps, b: Maps) -> PerMap:
    """Correlation of two signed maps over cells, -1 to 1; NaN if either is constant, up to rounding. Invariant to scale and offset.

    Example:
        >>> round(float(pearson(np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0]]))), 12)
        -1.0
    """
    a, b = _standardised(a), _standardised(b)
    return np.asarray(np.clip((a * b).sum((-2, -1)), -1, 1))


def spearman(a: Maps, b: Maps) -> PerMap:
    """Rank correlation of two signed maps over cells, -1 to 1; ties take their mean rank; NaN if either is constant or not finite.

    1: the same order of cells. Invariant to any increasing function of either map.

    Example:
        >>> round(float(spearman(np.array([[1.0, 2.0, 30.0]]), np.array([[0.1, 0.2, 0.3]]))), 12)
        1.0
    """
    return pearson(_ranks(_varying(a)), _ranks(_varying(b)))


def _ranks(raw: Maps) -> Maps:
    return ranks(raw.reshape(*raw.shape[:-2], raw.shape[-2] * raw.shape[-1])).reshape(raw.shape)


def iou(a: Maps, b: Maps, share: float = TOP_SHARE) -> PerMap:
    """Intersection over union of the highest cells of two signed maps, 0 (none in common) to 1 (the same cells).

    Takes ``share`` of the cells, rounded to a whole number, at least one. Cells tied at the boundary share the remaining places evenly
    (``top_cells``), and then ``sum min / sum max`` is the ratio: no cell is preferred for its place. Invariant to any increasing function
    of either map; NaN if either is constant or not finite. The chance level is about ``iou_chance(share)``.

    Args:
        a: signed maps.
        b: the same grid, leading axes that broadcast.
        share: fraction of the cells, above 0 and below 1.

    Raises:
        UsageError: ``share`` is out of range.

    Example:
        >>> a, b = np.array([[4.0, 3.0, 2.0, 1.0]]), np.array([[4.0, 2.0, 3.0, 1.0]])
        >>> float(iou(a, a, share=0.5)), round(float(iou(a, b, share=0.5)), 6)
        (1.0, 0.333333)
    """
    _check_share(share, "iou")
    cells = a.shape[-2] * a.shape[-1]
    count = np.asarray(float(max(1, round(share * cells))))
    first, second = (top_cells(_varying(raw), count) for raw in (a, b))
    return np.asarray(np.minimum(first, second).sum((-2, -1)) / np.maximum(first, second).sum((-2, -1)))


def iou_chance(share: float) -> float:
    """``q / (2 - q)``: expected intersection over expected union of two random sets, each a share ``q`` of the cells.

    Example:
        >>> iou_chance(0.5)
        0.3333333333333333
    """
    _check_share(share, "iou_chance")
    return share / (2 - share)


def amplitude_change(a: Maps, b: Maps) -> PerMap:
    """``log(sum ReLU(b) / sum ReLU(a))`` of raw maps: 0 if they hold equally much, ``log 2`` if the second holds twice the first.

    Antisymmetric; invariant to a common scale and to location; NaN if either is undefined.

    Example:
        >>> round(float(amplitude_change(np.array([[1.0, -3.0]]), np.array([[0.0, np.e]]))), 12)
        1.0
    """
    return np.asarray(amplitude(b) - amplitude(a))


def _check_share(share: float, asked_by: str) -> None:
    if not 0 < share < 1:
        raise UsageError(f"{asked_by}: the share of cells must lie between 0 and 1, not {share}.")


def _varying(raw: Maps) -> Maps:
    """Maps in float64; NaN where constant, up to rounding, or not finite."""
    useless = constant(raw, (-2, -1)) | ~np.isfinite(raw).all((-2, -1))
    return np.where(useless[..., None, None], np.nan, np.asarray(raw, dtype=np.float64))


def _standardised(raw: Maps) -> Maps:
    """Mean 0 and length 1 over cells, in float64; NaN where constant or not finite."""
    raw = _varying(raw)
    # Divide by the peak before squaring: maps as small as 1e-200 or as large as 1e200 keep their shape.
    scaled = raw / _positive(np.abs(raw).max((-2, -1), keepdims=True))
    centred = scaled - scaled.mean((-2, -1), keepdims=True)
    return centred / _positive(np.sqrt((centred**2).sum((-2, -1), keepdims=True)))


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)
