"""Which of a study's edits tells most about whether a map follows the text, and its name in a sentence."""

from collections.abc import Iterable, Mapping

TEXTS = {
    "other-object": "a text that names another object of the scene",
    "other-class": "a text of another class",
    "paper-colour": 'the text "red tomato ketchup"',
    "colour": "a text about colour",
}
"""Edits that a map should follow, the most telling first, and what a sentence calls them."""


def telling(images: Mapping[str, int], among: Iterable[str] = TEXTS) -> str | None:
    """The edit of a study that tells most about whether a map follows the text; None if it has no such edit.

    Of those that apply to at least half as many images as the one that applies to most: few photos have a second object with a name.

    Args:
        images: to how many images each edit applies.
        among: edits, the most telling first.

    Example:
        >>> telling({"paraphrase": 200, "colour": 200, "other-class": 200, "other-object": 80})
        'other-class'
    """
    applying = {name: images[name] for name in among if images.get(name)}
    return next((name for name, count in applying.items() if 2 * count >= max(applying.values())), None)
