"""A picture in any form, decoded by the one decoder for images."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from gazeshift.data.decode import decode
from gazeshift.errors import ImageError, UsageError
from gazeshift.pairs import ImageReference

Picture = str | Path | bytes | ImageReference | Image.Image | np.ndarray
"""A file, its bytes, a reference to them (the image of a pair), a Pillow image, or an array ``height x width x 3`` of 8-bit numbers."""
_NOT_IN_PNG = {"CMYK", "F", "I", "LAB", "YCbCr"}


def open_picture(image: Picture | None, name: str | None = None, at_least: int | None = None) -> Image.Image:
    """A file, its bytes, a Pillow image or an array of 8-bit RGB, as an upright RGB image.

    Args:
        image: the picture; None if there is none.
        name: its name in messages; the file's name if None.
        at_least: as for ``decode``: ``Model.enough`` where only a model looks at the picture.

    Raises:
        ImageError: it cannot be decoded.
        UsageError: there is none.

    Example:
        >>> open_picture(np.zeros((4, 6, 3), np.uint8)).size
        (6, 4)
    """
    if image is None:
        raise UsageError(
            "there is no picture, and so no map: a map says which part of a picture speaks for a class. What a model answers without one: "
            "gazeshift evaluate MODEL --data ROOT --without image."
        )
    name = name or name_of(image)
    if isinstance(image, np.ndarray):
        image = _from_array(image, name)
    source = _file_bytes(image, name) if isinstance(image, Image.Image) else image
    return decode(Path(source) if isinstance(source, str) else source, name, at_least=at_least)


def name_of(image: Picture | None) -> str:
    """The name of an image in results and errors: its file's name, if it is a file."""
    return Path(image).name if isinstance(image, str | Path) else "image"


def _from_array(image: np.ndarray, name: str) -> Image.Image:
    if image.dtype != np.uint8 or image.ndim not in {2, 3} or (image.ndim == 3 and image.shape[2] not in {3, 4}):
        raise ImageError(
            f"{name}: an array of {image.dtype} {tuple(image.shape)} is not a picture; give 8-bit numbers, height x width x 3."
        )
    return Image.fromarray(image)


def _file_bytes(picture: Image.Image, name: str) -> bytes:
    """A Pillow image as the bytes of a lossless file: it too may be transparent, 16-bit or rotated, and one decoder handles that."""
    file = io.BytesIO()
    try:
        picture.save(file, "TIFF" if picture.mode in _NOT_IN_PNG else "PNG", exif=picture.getexif(), compress_level=1)
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: not a usable image ({error}); convert the image to RGB.") from error
    return file.getvalue()
