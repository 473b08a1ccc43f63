"""What is wrong with the regions of a data set: unreadable, empty, outside their picture, or those of another picture."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gazeshift.data.contents import image_identity
from gazeshift.data.findings import Finding, short
from gazeshift.data.regions.masks import mask_of, reader
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import Pair, SceneObject, Shape

SLACK = 1.0
"""Pixels by which numbers may lie outside the picture: annotations are rounded."""


@dataclass(frozen=True)
class RegionCounts:
    """The regions of a data set in numbers.

    Attributes:
        pairs: pairs with a region.
        referred: pairs whose text refers to one.
        boxed: pairs of these whose region is a box.
        names: distinct names of regions.
        share: mean share of the picture that the referred region covers, over pairs whose region can be read; NaN if there is none.
    """

    pairs: int
    referred: int
    boxed: int
    names: int
    share: float


@dataclass(frozen=True)
class RegionLook:
    """What the check of one pair's regions found: share of the picture that is referred to (NaN if unknown), and what is wrong."""

    share: float
    findings: tuple[Finding, ...]


def look_at_regions(pair: Pair, size: tuple[int, int]) -> RegionLook:
    """Read all regions of a pair.

    Args:
        pair: the pair.
        size: width and height of its upright picture.
    """
    findings, read = list[Finding](), reader()
    referred = np.zeros((size[1], size[0]), bool)
    for each in pair.objects:
        if not each.shapes:
            continue
        findings += _outside(pair, each, size)
        try:
            covered = mask_of(pair, each, size, read)
        except (DataError, ImageError) as error:
            findings.append(Finding("corrupt mask", pair.key, str(error).removeprefix(f"{pair.key}: ")))
            continue
        if not covered.any() and not any(shape.hideable for shape in each.shapes):
            findings.append(Finding("empty region", pair.key, short(each.name)))
        referred |= covered & each.referred
    return RegionLook(float(referred.mean()) or float("nan"), tuple(findings))


def shared_masks(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Masks that several pictures name: at most one of them is meant."""
    first: dict[object, Pair] = {}
    for pair in pairs:
        masks = {shape.source for each in pair.objects for shape in each.shapes if shape.source is not None}
        for mask in masks:
            other = first.setdefault(mask, pair)
            if image_identity(other.image) != image_identity(pair.image):
                yield Finding("shared mask", pair.key, f"its mask is that of {other.key}, too")


def count_regions(pairs: Sequence[Pair], shares: Sequence[float]) -> RegionCounts | None:
    """The regions in numbers; None if no pair has one.

    Args:
        pairs: the pairs.
        shares: of each pair ``RegionLook.share``.
    """
    known = [pair for pair in pairs if pair.has_regions]
    if not known:
        return None
    referred = [[each for each in pair.objects if each.referred and each.shapes] for pair in known]
    read = [share for share in shares if not math.isnan(share)]
    return RegionCounts(
        len(known),
        sum(bool(each) for each in referred),
        sum(any(one.boxed for one in each) for each in referred),
        len({each.name for pair in known for each in pair.objects}),
        sum(read) / len(read) if read else float("nan"),
    )


def _outside(pair: Pair, each: SceneObject, size: tuple[int, int]) -> list[Finding]:
    over = max((_over(shape, size) for shape in each.shapes), default=0.0)
    if over <= SLACK:
        return []
    return [
        Finding(
            "region outside", pair.key, f"{short(each.name)} reaches {over:,.0f} pixels over the edge of its picture"
        )
    ]


def _over(shape: Shape, size: tuple[int, int]) -> float:
    if shape.extent is None:
        return 0.0
    left, top, right, bottom = shape.extent
    return max(-left, -top, right - size[0], bottom - size[1], 0.0)
