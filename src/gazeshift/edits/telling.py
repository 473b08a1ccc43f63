"""Which of a study's edits tells most about whether a map follows the text, and its name in a sentence."""

from collections.abc import Iterable

TEXTS = {
    "other-object": "a text that names another object of the scene",
    "other-class": "a text of another class",
    "paper-colour": 'the text "red tomato ketchup"',
    "colour": "a text about colour",
}
"""Edits that a map should follow, the most telling first, and what a sentence calls them."""


def telling(edits: Iterable[str]) -> str | None:
    """The edit of a study that tells most about whether a map follows the text; None if it has no such edit.

    Example:
        >>> telling(["paraphrase", "colour", "other-class"])
        'other-class'
    """
    asked = set(edits)
    return next((name for name in TEXTS if name in asked), None)
