"""A picture that a processor cannot read: too long for its side, or not a picture to it."""

from typing import Any

from PIL.Image import Image

from gazeshift.errors import ModelError
from gazeshift.models.reason import reason


def unreadable(processor: Any, picture: Image, error: Exception) -> ModelError:
    """What is said of it in one line.

    Example:
        >>> from PIL.Image import new
        >>> str(unreadable(dict(), new("RGB", (900, 1)), ValueError("too long")))
        'a dict cannot read a picture of 900 x 1 pixels: too long.'
    """
    size = f"{picture.width} x {picture.height} pixels"
    return ModelError(f"a {type(processor).__name__} cannot read a picture of {size}: {reason(error)}.")
