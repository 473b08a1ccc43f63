"""One decoder for every image, and one check for every path that a data file names."""

import errno
import io
import os
import threading
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from jaxtyping import Int
from PIL import ExifTags, Image, UnidentifiedImageError

from gazeshift.data.findings import short
from gazeshift.errors import DataError, ImageError
from gazeshift.pairs import ImageReference, ImageSource
from gazeshift.reduced import Box, mark_edges

MAX_PIXELS = 89_478_485
"""Default cap on width times height; Pillow's own warning threshold."""

# Raster formats only: Pillow would hand an EPS file to a PostScript interpreter.
# AVIF and others depend on how Pillow was built.
Image.init()
_WANTED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
FORMATS: list[str] = [name for name in _WANTED if name in Image.OPEN]
# A TGA file begins with nothing that marks it, so half of all bytes could be one: its name or the footer of its second version must say so.
_TGA_NAMES = (".tga", ".icb", ".vda", ".vst")
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"

# EXIF orientation -> the operation that turns the stored pixels upright (EXIF 2.32, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# EXIF orientation -> whether that exchanges the axes, and whether the new x and y run backwards.
_AXES = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}

_opening = threading.Lock()  # warning filters are global before Python 3.14


def decode(
    source: ImageSource, name: str | None = None, max_pixels: int = MAX_PIXELS, *, at_least: int | None = None
) -> Image.Image:
    """Read an image of any usual kind as upright 8-bit RGB.

    EXIF rotation is applied. Transparency (alpha channel, palette or colour key) is laid over white. 16-bit grey is
    scaled to 8 bits, floats from 0 to 1 (or 0 to 255) likewise; values outside these ranges are stretched from their
    minimum to their maximum. For an animation the first frame is used. Colour profiles are ignored.

    Args:
        source: a file, the bytes of one, or a reference to them.
        name: the image's name in messages; by default the path.
        max_pixels: limit on width times height (Pillow's hard limit of 179 million still applies).
        at_least: a JPEG is decoded at a half, a quarter or an eighth of its size if its shorter side keeps this many pixels, which takes
            a fraction of the time; ``Preprocessing.enough`` for a crop. None: at its own size.

    Returns:
        An image of mode RGB.

    Raises:
        ImageError: missing, empty, not an image, truncated or damaged, or above the limit. The message begins with
            the name.
        DataError: a reference to a place that cannot be read, or that has changed.

    Example:
        >>> decode(b"not an image", name="note.txt")
        Traceback (most recent call last):
        ...
        gazeshift.errors.ImageError: note.txt: not an image of a known format (JPEG, PNG, WEBP, GIF, BMP, TIFF, ...).
    """
    name, source = name or _name(source), _near(source)
    with _open(source, name) as image:
        if image.width * image.height > max_pixels:
            raise ImageError(f"{name}: {image.width} x {image.height} pixels exceed the limit of {max_pixels:,}.")
        try:
            # None for formats other than JPEG.
            drafted = None if at_least is None else image.draft(None, (at_least, at_least))
            image.load()  # everything, not the header alone: verify() passes truncated files
            orientation = _orientation(image)
            pixels = _to_rgb(image)
        except Exception as error:  # Pillow's plugins raise whatever their parsers do
            raise ImageError(f"{name}: damaged or truncated ({_one_line(error)}).") from error
        turn = _UPRIGHT.get(orientation)
        upright = pixels if turn is None else pixels.transpose(turn)
        if drafted is not None:
            mark_edges(upright, _edges(drafted[1], image.size, orientation))
        return upright


def stored_levels(source: ImageSource, name: str | None = None) -> Int[np.ndarray, "h w *channels"]:
    """The values of a picture as they are stored, such as those of a mask: grey levels, palette indices or colours, without alpha.

    Raises:
        ImageError: as ``decode``.
        DataError: likewise.
    """
    name = name or _name(source)
    with _open(_near(source), name) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ImageError(f"{name}: {image.width} x {image.height} pixels exceed the limit of {MAX_PIXELS:,}.")
        try:
            levels = np.asarray(image)
        except Exception as error:  # Pillow's plugins raise whatever their parsers do
            raise ImageError(f"{name}: damaged or truncated ({_one_line(error)}).") from error
        if image.mode in {"LA", "PA", "RGBA"}:
            levels = levels[..., :-1]
        return levels[..., 0] if levels.ndim == 3 and levels.shape[2] == 1 else levels


def image_size(source: ImageSource, name: str | None = None) -> tuple[int, int]:
    """Width and height of the upright image, read only from its header.

    Raises:
        ImageError: as ``decode``, as far as the header tells.
    """
    with _open(_near(source), name or _name(source)) as image:
        width, height = image.size
        return (height, width) if _orientation(image) >= 5 else (width, height)


def content_of(source: ImageSource) -> bytes:
    """The bytes of an image, undecoded.

    Raises:
        OSError: a file that cannot be read.
        DataError: as ``ImageReference.read``.
    """
    near = _near(source)
    return near if isinstance(near, bytes) else near.read_bytes()


def resolve(root: Path, relative: str) -> Path:
    """The file inside ``root`` that a data file calls ``relative``.

    Absolute paths, ``..``, backslashes, drive letters, null bytes, and symbolic links that lead out of the root are
    refused. The file need not exist.

    Raises:
        DataError: the path leaves the root.

    Example:
        >>> resolve(Path("photos"), "../secret.png")
        Traceback (most recent call last):
        ...
        gazeshift.errors.DataError: '../secret.png' leaves the data root: name files relative to it, without '..'.
    """
    if reason := why_outside(relative):
        raise DataError(f"{short(relative)} {reason}")
    path = root / relative
    try:
        inside = path.resolve().is_relative_to(root.resolve())
        _refuse_loop(path)
    except (OSError, RuntimeError) as error:  # too long a name, a loop of links
        raise DataError(f"{short(relative)} is not a usable path: {_one_line(error)[:100]}.") from error
    if not inside:
        raise DataError(f"{short(relative)} leaves the data root through a symbolic link: copy the file into the root.")
    return path


def _refuse_loop(path: Path) -> None:
    """Raise the system's error for a loop of links, which ``resolve`` only reports up to Python 3.12; other errors come on opening."""
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise


def why_outside(relative: str) -> str | None:
    """Why a path is refused, as the end of a sentence; None for one that is not."""
    if not relative or "\0" in relative or relative != relative.encode("utf-8", "replace").decode():
        return "is not a path under the data root: it is empty, or contains characters that no file name can have."
    if PurePosixPath(relative).is_absolute() or PureWindowsPath(relative).drive:
        return "is absolute and lies outside of the data root: write paths relative to it."
    if ".." in PurePosixPath(relative).parts:
        return "leaves the data root: name files relative to it, without '..'."
    if "\\" in relative:
        return "contains a backslash, which may lead out of the data root: use forward slashes."
    return None


def _open(source: Path | bytes, name: str) -> Image.Image:
    """Parse the header; nothing is decoded yet."""
    if isinstance(source, Path) and not source.is_file():
        raise ImageError(f"{name}: no such file.")
    if not (len(source) if isinstance(source, bytes) else source.stat().st_size):
        raise ImageError(f"{name}: the file is empty.")
    try:
        formats = [*FORMATS, "TGA"] if _may_be_tga(source, name) else FORMATS
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the pixel cap is ours; broken metadata is no broken picture
            return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats)
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: too many pixels ({_one_line(error)}).") from error
    except UnidentifiedImageError as error:
        known = "JPEG, PNG, WEBP, GIF, BMP, TIFF, ..."
        raise ImageError(f"{name}: not an image of a known format ({known}).") from error
    except Exception as error:
        raise ImageError(f"{name}: cannot be opened ({_one_line(error)}).") from error


def _may_be_tga(source: Path | bytes, name: str) -> bool:
    names = [name, source.name] if isinstance(source, Path) else [name]
    if any(each.lower().endswith(_TGA_NAMES) for each in names):
        return True
    if isinstance(source, bytes):
        return source.endswith(_TGA_FOOTER)
    with source.open("rb") as file:
        file.seek(-min(len(_TGA_FOOTER), source.stat().st_size), os.SEEK_END)
        return file.read() == _TGA_FOOTER


def _name(source: ImageSource) -> str:
    return "image" if isinstance(source, bytes) else source.name or "image"


def _near(source: ImageSource) -> Path | bytes:
    return source.read() if isinstance(source, ImageReference) else source


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF: the pixels are still good
        return 1


def _edges(edges: Box, size: tuple[int, int], orientation: int) -> Box:
    """A stored picture's edges in its upright form."""
    swaps, x_backwards, y_backwards = _AXES.get(orientation, (False, False, False))
    step = -1 if swaps else 1
    (left, top), (right, bottom), (width, height) = edges[:2][::step], edges[2:][::step], size[::step]
    left, right = (width - right, width - left) if x_backwards else (left, right)
    top, bottom = (height - bottom, height - top) if y_backwards else (top, bottom)
    return left, top, right, bottom


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of 16 bits, 32 bits or floats as uint8; see ``decode`` for the ranges."""
    numbers = values.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("pixels that are not finite numbers")
    ranges = (1.0, 255.0) if np.issubdtype(values.dtype, np.floating) else (65535.0,)
    top = next((top for top in ranges if low >= 0 and high <= top), 0.0)
    if not top:  # not a usual range: stretch
        numbers, top = numbers - low, max(high - low, 1.0)
    return np.rint(numbers * 255 / top).astype(np.uint8)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
