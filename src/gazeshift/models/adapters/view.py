"""The part of a picture that a preprocessing shows a model."""

from collections.abc import Callable
from typing import Any

from PIL.Image import Image


def view_of(preprocess: Callable[[Image], Any], picture: Image) -> Image:
    """The part of a picture that a preprocessing shows a model."""
    return picture
