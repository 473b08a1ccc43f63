"""What stored maps share: how much of where a model looks is the same for all images, depends on the image, or on the text."""

from collections.abc import Iterable, Sequence

import numpy as np

from gazeshift.edits import FLOORS, SAME_MEANING
from gazeshift.mapstore.distributions import Drawn
from gazeshift.mapstore.store import Row
from gazeshift.measures import InformationSums

ALL = ""
"""The label of rows over all classes."""


def text_sets(edits: Sequence[str]) -> tuple[list[str], list[str]]:
    """Changed texts and equally many of the same meaning, because the text term grows with the number of texts.

    Example:
        >>> text_sets(["original", "paraphrase", "other-class", "colour"])
        (['other-class'], ['paraphrase'])
    """
    changed = [edit for edit in edits if edit not in FLOORS]
    floor = [edit for edit in edits if edit in SAME_MEANING and edit != "original"]
    count = min(len(changed), len(floor))
    return changed[:count], floor[:count]


def information_rows(found: Drawn, labels: dict[str, str], edits: Sequence[str]) -> list[Row]:
    """The information split of one model, in bits, over images whose maps are all defined; ``changed`` and ``floor`` over the same.

    Args:
        found: the maps, as returned by ``drawn``.
        labels: class of each key.
        edits: the study's edits, in its order.

    Returns:
        Rows of ``texts``, ``label`` (``""``: all classes), ``total``, ``static``, ``image``, ``text``, ``images``. ``texts`` is ``own``
        (the pairs' own texts alone, so that ``text`` is 0), ``changed`` (own and changed texts) or ``floor`` (own texts and as many of
        the same meaning); the excess of ``changed`` over ``floor`` is due to the text.
    """
    changed, floor = text_sets([edit for edit in edits if edit in found])
    rows = [_row(found, ["original"], "own", ALL, list(labels))]
    if changed:
        # The two are compared, so both use the same images.
        shared = _whole(found, ["original", *changed, *floor], labels)
        rows.append(_row(found, ["original", *changed], "changed", ALL, shared))
        rows.append(_row(found, ["original", *floor], "floor", ALL, shared))
    for label in sorted(set(labels.values())):
        rows.append(_row(found, ["original"], "own", label, [key for key in labels if labels[key] == label]))
    return rows


def _row(found: Drawn, edits: Sequence[str], name: str, label: str, keys: Sequence[str]) -> Row:
    whole = _whole(found, edits, keys)
    sums = InformationSums()
    if whole:
        sums.add(np.array([[found[edit][key] for edit in edits] for key in whole]))
    split = sums.split()
    return {
        "texts": name,
        "label": label,
        "total": split.total,
        "static": split.static,
        "image": split.image,
        "text": split.text,
        "images": split.images,
    }


def _whole(found: Drawn, edits: Sequence[str], keys: Iterable[str]) -> list[str]:
    """Images that have a defined map with each of these texts."""
    return [key for key in keys if all(key in found[edit] and np.isfinite(found[edit][key]).all() for edit in edits)]


def mean_maps(found: Drawn) -> list[Row]:
    """Mean of the defined maps with each text: where the model looks whatever the picture."""
    rows = []
    for edit, by_key in found.items():
        p = np.array(list(by_key.values()))
        p = p[np.isfinite(p).all((1, 2))]
        if len(p):
            rows.append({"edit": edit, "images": len(p), "map": p.mean(0)})
    return rows
