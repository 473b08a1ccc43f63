"""The grid of a mosaic: where each tile lies, what its place is called, and how photos are put there."""

from collections.abc import Sequence

from PIL import Image

from gazeshift.preprocessing import Preprocessing

Edges = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom no longer belong to the tile."""

_DOWN = {1: ("",), 2: ("top", "bottom"), 3: ("top", "middle", "bottom")}
_ACROSS = {1: ("",), 2: ("left", "right"), 3: ("left", "middle", "right")}
_BEFORE = {"left": "on", "right": "on", "middle": "in"}


def places(rows: int, columns: int) -> tuple[str, ...]:
    """The word or two for the place of each tile, row by row.

    Example:
        >>> places(2, 2), places(1, 3)
        (('top left', 'top right', 'bottom left', 'bottom right'), ('left', 'middle', 'right'))
        >>> places(3, 3)[4]
        'middle'
    """
    words = [(down, across) for down in _DOWN[rows] for across in _ACROSS[columns]]
    return tuple(" ".join(dict.fromkeys(word for word in both if word)) for both in words)


def spoken_place(place: str) -> str:
    """A place as captions say it.

    Example:
        >>> spoken_place("top left"), spoken_place("left"), spoken_place("middle")
        ('at the top left', 'on the left', 'in the middle')
    """
    return f"{_BEFORE.get(place, 'at')} the {place}"


def tile_edges(size: int, rows: int, columns: int) -> list[Edges]:
    """The edges of each tile, row by row: together they tile the picture, with sides that differ by a pixel at most.

    Example:
        >>> tile_edges(5, 1, 2)
        [(0, 0, 2, 5), (2, 0, 5, 5)]
    """
    down, across = ([size * i // count for i in range(count + 1)] for count in (rows, columns))
    return [(across[c], down[r], across[c + 1], down[r + 1]) for r in range(rows) for c in range(columns)]


def tile_preprocessing(size: int, rows: int, columns: int) -> Preprocessing:
    """How a photo becomes a tile: its centre square, as large as the longest side of a tile.

    Example:
        >>> tile_preprocessing(224, 2, 2).size
        112
    """
    longest = max(max(r - left, b - top) for left, top, r, b in tile_edges(size, rows, columns))
    return Preprocessing(size=longest, crop_fraction=1.0)


def assembled(crops: Sequence[Image.Image], edges: Sequence[Edges], size: int) -> Image.Image:
    """One picture of all tiles: of each square crop the middle, where its tile is narrower.

    Args:
        crops: one for each tile, from ``tile_preprocessing``.
        edges: of each tile.
        size: side of the picture.
    """
    picture = Image.new("RGB", (size, size))
    for crop, (left, top, right, bottom) in zip(crops, edges, strict=True):
        x, y = (crop.width - (right - left)) // 2, (crop.height - (bottom - top)) // 2
        picture.paste(crop.crop((x, y, x + right - left, y + bottom - top)), (left, top))
    return picture
