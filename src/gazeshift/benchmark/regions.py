"""The user's photos whose regions are known: those that show two named things or more, and those that show one."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from gazeshift.data.contents import image_identity
from gazeshift.data.locate import alike_form
from gazeshift.data.mosaic.grid import spoken_place
from gazeshift.data.regions.masks import REFERRED, region_masks
from gazeshift.edits import random_for
from gazeshift.names import spoken
from gazeshift.pairs import Pair, SceneCaption, SceneObject
from gazeshift.preprocessing import Preprocessing

SQUARE = Preprocessing(size=448, crop_fraction=1.0)
"""The square around the middle of a picture, which is what every model is shown."""
LEAST, MOST = 0.005, 0.8
"""Share of the square that a thing covers: a smaller one is less than a third of a cell, and a larger one has nothing to gain."""
SHARED = 0.5
"""Share of the smaller of two things that the other covers at most: more, and looking at one is looking at the other."""
SIDES = (0.4, 0.6)
"""A centre before or beyond these shares of the width is on the left or the right."""
ABSENT = "other-class"
"""Kind of a caption that names a class which is not in the picture."""
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "class": ("a photo of {0}", "this is {0}", "here we have {0}"),
    "colour": ("a photo of the {0} one", "this is the {0} one", "here we have the {0} one"),
    "position": ("the one {0}", "the thing {0}", "look {0}"),
}
"""Ways to name a thing, by its name, its colour, and its side."""


@dataclass(frozen=True)
class RegionPhotos:
    """Photos with captions about their regions.

    Attributes:
        two: show two named things or more that lie apart; captions name each.
        one: show the label's thing alone; a caption names it, and one a class that is not there.
        left_out: how many photos were looked at and left out, by reason.
    """

    two: tuple[Pair, ...]
    one: tuple[Pair, ...]
    left_out: dict[str, int]


def region_photos(photos: Sequence[Pair], classes: Collection[str], most: int, seed: int) -> RegionPhotos:
    """Up to so many photos of each kind, in an order that the seed draws; each picture counts once.

    Args:
        photos: the photos that may be asked about.
        classes: what the texts may name where the picture does not show it.
        most: of each kind.
        seed: of the order and of the absent classes.

    Raises:
        DataError: a region does not fit its picture.
        ImageError: a picture or a mask cannot be decoded.
    """
    unique = list({image_identity(pair.image): pair for pair in reversed(photos)}.values())
    order = np.random.default_rng(seed).permutation(len(unique))
    found: dict[str, list[Pair]] = {"two": [], "one": []}
    left_out: Counter[str] = Counter()
    for place in order:
        if all(len(pairs) >= most for pairs in found.values()):
            break
        kind, pair = _described(_called_as_classes(unique[int(place)], classes), classes, seed)
        if kind not in found:
            left_out[kind] += 1
        elif len(found[kind]) < most:
            found[kind].append(pair)
    return RegionPhotos(tuple(found["two"]), tuple(found["one"]), dict(sorted(left_out.items())))


def reworded(caption: SceneCaption) -> list[str]:
    """The other ways to say what a caption says."""
    ways = (template.format(_said(caption.kind, caption.content)) for template in TEMPLATES.get(caption.kind, ()))
    return [text for text in ways if text != caption.text]


def _called_as_classes(pair: Pair, classes: Collection[str]) -> Pair:
    """With the regions that are of a class called as the class is: regions and classes often come from different tables."""
    called = {_alike(name): name for name in classes}
    objects = (replace(each, name=called.get(_alike(each.name), each.name)) for each in pair.objects)
    return replace(pair, objects=tuple(objects))


def _alike(name: str) -> str:
    return alike_form(spoken(name))


def _described(pair: Pair, classes: Collection[str], seed: int) -> tuple[str, Pair]:
    """``two`` or ``one`` and the pair with its captions, or why it is left out."""
    if not pair.has_regions:
        return "without a region", pair
    masks = {index: mask for index, mask in region_masks(pair, SQUARE).items() if index != REFERRED}
    seen = {index: mask for index, mask in masks.items() if LEAST <= mask.mean() <= MOST}
    if not seen:
        large = any(mask.mean() > MOST for mask in masks.values())
        return (
            f"with a region that covers {'more than 80 %' if large else 'less than 0.5 %'} of the middle square",
            pair,
        )
    apart = [each for each in pair.objects if each.index in _apart(seen)]
    if len(apart) > 1:
        return "two", replace(pair, captions=tuple(_captions(apart, seen)))
    if apart[0].name != pair.label:
        return "with a single region that is not the label's", pair
    absent = sorted(set(classes) - {each.name for each in pair.objects})
    if not absent:
        return "without a class that is not in the picture", pair
    other = absent[int(random_for("benchmark-absent", pair.key, seed).integers(len(absent)))]
    # What else is there is too small to be asked about, or in the way of the thing.
    captions = (_caption("class", pair.label, apart[0].index), replace(_caption("class", other, None), kind=ABSENT))
    return "one", replace(pair, captions=captions)


def _apart(masks: Mapping[int, Bool[np.ndarray, "size size"]]) -> set[int]:
    """The things that do not lie on one another, the first in the order of the source kept."""
    kept: set[int] = set()
    for index, mask in masks.items():
        shares = ((mask & masks[other]).sum() / min(mask.sum(), masks[other].sum()) for other in kept)
        if all(share <= SHARED for share in shares):
            kept.add(index)
    return kept


def _captions(
    things: Sequence[SceneObject], masks: Mapping[int, Bool[np.ndarray, "size size"]]
) -> Iterator[SceneCaption]:
    """What is true of each thing and of none of the others."""
    sides = {each.index: _side(masks[each.index]) for each in things}
    colours = {each.index: each.colour for each in things}
    for each in things:
        yield _caption("class", each.name, each.index)
        for kind, words in (("position", sides), ("colour", colours)):
            word = words[each.index]
            # Things that are not asked about are not known to be of another side or colour; those that are decide.
            if word and list(words.values()).count(word) == 1 and all(words.values()):
                yield _caption(kind, word, each.index)


def _side(mask: Bool[np.ndarray, "size size"]) -> str:
    centre = float(np.nonzero(mask)[1].mean() + 0.5) / mask.shape[1]
    left, right = SIDES
    return "left" if centre < left else "right" if centre > right else "middle"


def _caption(kind: str, content: str, referred: int | None) -> SceneCaption:
    return SceneCaption(kind, TEMPLATES[kind][0].format(_said(kind, content)), referred, content)


def _said(kind: str, content: str) -> str:
    return spoken_place(content) if kind == "position" else spoken(content)
