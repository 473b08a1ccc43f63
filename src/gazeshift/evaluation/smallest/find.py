"""The smallest edit of a text that moves a map, or switches the class: the question as users ask it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from gazeshift.data.regions.masks import reader
from gazeshift.data.regions.shapes import MaskImage
from gazeshift.errors import DataError, UsageError
from gazeshift.evaluation.smallest.asking import Asking
from gazeshift.evaluation.smallest.changes import Changes
from gazeshift.evaluation.smallest.goals import GOALS, Goal, Start
from gazeshift.evaluation.smallest.result import Limits, Query, SmallestEdit, result_of
from gazeshift.evaluation.smallest.search import search
from gazeshift.evaluation.smallest.sources import TOP, Substitutes, gather
from gazeshift.measures import mask_to_grid
from gazeshift.models.face import Model
from gazeshift.registry import known_name, lookup
from gazeshift.saliency.cams import DEFAULT
from gazeshift.saliency.combination import Combination, class_index
from gazeshift.saliency.explain import check_sees
from gazeshift.saliency.pictures import Picture, open_picture
from gazeshift.saliency.regions import Box, seen_regions
from gazeshift.saliency.spans import Span

LIMIT = 50_000
"""Texts that are tried at most by default."""

Region = Box | np.ndarray | str | Path
"""A box (left, upper, right, lower), a mask of the picture's size, or a file with one whose bright pixels are the region; in the picture's
own pixels."""


def smallest_edit(
    model: Model,
    image: Picture,
    text: str,
    goal: str = "off",
    *,
    region: Region | None = None,
    to: float | str | None = None,
    by: float | None = None,
    substitutes: Substitutes = (),
    delete: bool = True,
    most: int = 4,
    limit: int = LIMIT,
    top: int = TOP,
    target: str | Combination = "reference",
    method: str = DEFAULT,
    spans: Sequence[Span] | None = None,
    progress: Callable[[int], None] = lambda tried: None,
) -> SmallestEdit:
    """Find the fewest words to delete or replace so that the map leaves a region, comes to it, or moves, or the class switches.

    All edits of one and two changes are tried, so these answers are proven; beyond, the search is greedy; ``exact`` says which. The map is
    that of a fixed class by default: it moves because evidence is weighted differently, not because another class is explained.

    Args:
        model: any model that sees images and reads text.
        image: a file, its bytes, a Pillow image, or an array.
        text: a text with at least one word.
        goal: a name in ``GOALS``.
        region: for ``off`` and ``onto``; with other goals the share of the map on it is only reported.
        to: the threshold: a share of the map from 0 to 1, or bits. For ``class``: the class to be predicted; any other if None.
        by: instead, how far the threshold lies from what the whole text has; 0.1 if neither is given.
        substitutes: words that may take another's place, or by source: ``{"lexicon": "colour", "corpus": "titles.txt"}``.
        delete: whether words may be deleted.
        most: changes at most.
        limit: texts to try at most; where pairs of changes are more, the answer is greedy from two changes on, and says so.
        top: how many words of a corpus are taken, the most frequent ones.
        target: whose map: ``reference`` (the class predicted with the whole text), ``predicted`` (with each text), or as in ``explain``.
        method: as in ``explain``.
        spans: phrases or (start, end) offsets that may be changed, instead of every word.
        progress: called with the number of texts tried so far.

    Raises:
        UsageError: an empty text, no region, a threshold that nothing passes, a model without text or maps, no possible change.
        ConfigError, DataError: a lexicon, a corpus or a mask that cannot be read.

    Example:
        >>> import gazeshift as gs
        >>> model, dog = gs.load("model"), (10, 20, 90, 80)  # doctest: +SKIP
        >>> gs.smallest_edit(model, "photo.jpg", "a red dog", "off", region=dog, substitutes=["cat"]).new_text  # doctest: +SKIP
        'a red cat'
    """
    limits = Limits(most, limit)
    _check(model, lookup(GOALS, goal, "goal"), region, target, limits)
    words, unknown = _known(model, gather(substitutes, top))
    changes = Changes.of(text, words, delete=delete, spans=spans)
    whole = open_picture(image)
    picture = whole if model.enough is None else open_picture(image, at_least=model.enough)
    asking = Asking(model.about(picture, text), picture, text, target, method)
    seen = _seen(region, whole, asking.model)
    asked = _asked(known_name(GOALS, goal, "goal"), asking, changes, seen, (to, by), unknown, limits)
    return result_of(asked, search(changes, asked.beyond, most, limit, progress))


def _asked(
    name: str,
    asking: Asking,
    changes: Changes,
    seen: Bool[np.ndarray, "H W"],
    wanted: tuple[float | str | None, float | None],
    unknown: tuple[str, ...],
    limits: Limits,
) -> Query:
    """The question with its threshold."""
    goal, (to, by) = GOALS[name], wanted
    about_class = goal.margin is None and to is not None
    start = Start(
        asking.whole.p[0],
        mask_to_grid(seen, *asking.raw.shape),
        asking.predicted,
        class_index(asking.model.classes, str(to)) if about_class else None,
    )
    before = float(goal.quantity(asking.whole, start)[0])
    threshold = goal.threshold(before, None if about_class else _number(to, goal), by)
    return Query(name, goal, threshold, start, asking, changes, seen, unknown, limits)


def _check(model: Model, goal: Goal, region: Region | None, target: str | Combination, limits: Limits) -> None:
    check_sees(model)
    if not model.reads_text:
        raise UsageError(f"model {model.name!r} reads no text: no edit changes anything.")
    if goal.needs_region and region is None:
        raise UsageError(f"{goal.description}: name the region: a box (left, upper, right, lower) or a mask.")
    if goal.margin is None and len(model.classes) < 2:
        raise UsageError(f"model {model.name!r} has one output: no class can switch.")
    if target == "label":
        raise UsageError("target 'label': name the class itself.")
    for name, number in (("most", limits.most), ("limit", limits.limit)):
        if number < 1:
            raise UsageError(f"{name}={number}: give at least 1.")


def _number(to: float | str | None, goal: Goal) -> float | None:
    if to is None:
        return None
    try:
        return float(to)
    except ValueError:
        raise UsageError(f"to={to!r}: {goal.unit} needs a number.") from None


def _known(model: Model, words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Substitutes of which the model reads something, and the others: to the model, all of those are the same."""
    unread = model.heard(list(words)).unread if words else ()
    known = tuple(word for word, lost in zip(words, unread, strict=True) if not lost)
    return known, tuple(word for word, lost in zip(words, unread, strict=True) if lost)


def _seen(region: Region | None, whole: Image.Image, model: Model) -> Bool[np.ndarray, "H W"]:
    """The region in the model's view of the picture."""
    if region is None:
        width, height = model.view(whole).size
        return np.zeros((height, width), bool)
    name = "the mask" if isinstance(region, np.ndarray) and region.ndim == 2 else str(region)
    if isinstance(region, str | Path):
        try:
            region = MaskImage(Path(region)).mask(*whole.size, reader())
        except DataError as error:
            raise DataError(f"region {name}: {error}.".replace("..", ".")) from error
    if isinstance(region, np.ndarray) and region.ndim == 2 and not region.any():
        raise UsageError(f"region {name!r}: the mask is empty.")
    return seen_regions({name: region}, whole, model.view).masks[0]
