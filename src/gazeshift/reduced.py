"""A picture that its decoder has reduced: where the edges of the whole picture lie in it.

A JPEG of 1001 pixels at half its size has 501, the last of which is half empty: the picture ends at 500.5. Whoever crops it by its size
would be a quarter of a pixel off.
"""

from PIL import Image

_KEY = "gazeshift: size, and edges of the whole picture"

Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge in pixels."""


def mark_edges(image: Image.Image, edges: Box) -> None:
    """Note where the whole picture's edges lie; Pillow keeps the note with the image and its copies."""
    image.info[_KEY] = image.size, edges


def edges_of(image: Image.Image) -> Box:
    """The whole picture's edges in the image: the image's own, unless a decoder has reduced it.

    Example:
        >>> edges_of(Image.new("RGB", (6, 4)))
        (0, 0, 6, 4)
    """
    size, edges = image.info.get(_KEY, (image.size, (0, 0, *image.size)))
    return edges if size == image.size else (0, 0, *image.size)  # what was cut out of it is a picture of its own
