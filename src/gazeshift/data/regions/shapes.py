"""Where something lies in its picture, in the forms that annotations come in."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from gazeshift.errors import DataError
from gazeshift.json_types import Json
from gazeshift.pairs import ImageSource, Levels, Shape


@dataclass(frozen=True)
class MaskImage(Shape):
    """The bright pixels of a picture of the same size: above half of its largest value, so 0/1, 0/255 and soft masks all work.

    Attributes:
        source: the picture.
        boxed: whether it is known to hold filled boxes.
    """

    source: ImageSource
    boxed: bool = False
    hideable: bool = False

    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:  # noqa: D102
        levels = read(self.source)
        brightest = levels.max((2,)) if levels.ndim == 3 else levels
        _check_size(brightest.shape, width, height)
        return np.asarray(brightest > brightest.max() / 2)

    @property
    def extent(self) -> None:  # noqa: D102
        return None

    @property
    def description(self) -> Json:  # noqa: D102
        return {"mask": "bright", "boxed": self.boxed}


@dataclass(frozen=True)
class LabelledPixels(Shape):
    """The pixels of one value in a label map.

    Attributes:
        source: the label map: grey or palette.
        value: the value; 0 is the background.
    """

    source: ImageSource
    value: int
    boxed: bool = False
    hideable: bool = True

    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:  # noqa: D102
        labels = read(self.source)
        if labels.ndim != 2:
            raise DataError("the label map is a colour image; store object indices as grey or palette")
        _check_size(labels.shape, width, height)
        return np.asarray(labels == self.value)

    @property
    def extent(self) -> None:  # noqa: D102
        return None

    @property
    def description(self) -> Json:  # noqa: D102
        return {"mask": "label", "value": self.value}


@dataclass(frozen=True)
class Box(Shape):
    """A rectangle, from its left top to its right bottom corner, in pixels; a pixel belongs to it if its centre does.

    Example:
        >>> Box(1, 0, 3, 1).mask(4, 2, read=lambda source: None).astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
    """

    left: float
    top: float
    right: float
    bottom: float
    source: None = None
    boxed: bool = True
    hideable: bool = False

    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:  # noqa: D102
        x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
        return np.asarray((self.left <= x) & (x < self.right) & (self.top <= y) & (y < self.bottom))

    @property
    def extent(self) -> tuple[float, float, float, float]:  # noqa: D102
        return self.left, self.top, self.right, self.bottom

    @property
    def description(self) -> Json:  # noqa: D102
        return {"box": self.extent}


@dataclass(frozen=True)
class Polygons(Shape):
    """The inside of some outlines; a pixel belongs to one if its centre does. An outline that crosses itself has holes.

    Attributes:
        rings: of each outline its corners, x and y in pixels.

    Example:
        >>> Polygons((((0, 0), (3.6, 0), (0, 3.6)),)).mask(4, 2, read=lambda source: None).astype(int).tolist()
        [[1, 1, 1, 0], [1, 1, 0, 0]]
    """

    rings: tuple[tuple[tuple[float, float], ...], ...]
    source: None = None
    boxed: bool = False
    hideable: bool = False

    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:  # noqa: D102
        covered = np.zeros((height, width), bool)
        for ring in self.rings:
            covered |= _inside(np.array(ring, float), width, height)
        return covered

    @property
    def extent(self) -> tuple[float, float, float, float]:  # noqa: D102
        corners = np.array([corner for ring in self.rings for corner in ring])
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        return left, top, right, bottom

    @property
    def description(self) -> Json:  # noqa: D102
        return {"polygons": self.rings}


@dataclass(frozen=True)
class RunLengths(Shape):
    """COCO's run-length encoding: down the columns, runs of pixels outside and inside by turns.

    Attributes:
        counts: the lengths of the runs; the first is outside.
        height: of the picture it was made for.
        width: likewise.

    Example:
        >>> RunLengths((1, 2, 1), 2, 2).mask(2, 2, read=lambda source: None).astype(int).tolist()
        [[0, 1], [1, 0]]
    """

    counts: tuple[int, ...]
    height: int
    width: int
    source: None = None
    boxed: bool = False
    hideable: bool = False

    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:  # noqa: D102
        _check_size((self.height, self.width), width, height)
        if sum(self.counts) != width * height:
            raise DataError(f"its runs are {sum(self.counts):,} pixels long, its picture has {width * height:,}")
        inside = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(inside, self.counts).reshape(width, height).T

    @property
    def extent(self) -> None:  # noqa: D102
        return None

    @property
    def description(self) -> Json:  # noqa: D102
        return {"runs": self.counts, "size": (self.height, self.width)}


@dataclass(frozen=True)
class Disc(Shape):
    """The neighbourhood of a point, such as a part that is marked by one click.

    Attributes:
        x: of the point, in pixels.
        y: likewise.
        radius: in pixels.
    """

    x: float
    y: float
    radius: float
    source: None = None
    boxed: bool = False
    hideable: bool = False

    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:  # noqa: D102
        x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
        return np.asarray((x - self.x) ** 2 + (y - self.y) ** 2 <= self.radius**2)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """That of the point: its neighbourhood may reach over the edge."""
        return self.x, self.y, self.x, self.y

    @property
    def description(self) -> Json:  # noqa: D102
        return {"disc": (self.x, self.y, self.radius)}


def decode_runs(text: str) -> tuple[int, ...]:
    """The runs of COCO's compressed encoding: numbers in base 32, from the fourth on less the number before the last.

    Raises:
        ValueError: characters that it does not use, or a number that is cut off or negative.

    Example:
        >>> decode_runs("121")
        (1, 2, 1)
    """
    counts: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            digit = ord(text[place]) - 48
            if not 0 <= digit < 64:
                raise ValueError(f"not a run-length encoding: {text[place]!r}")
            value |= (digit & 31) << shift
            more, shift, place = bool(digit & 32), shift + 5, place + 1
            if not more and digit & 16:
                value -= 1 << shift
            if more and place == len(text):
                raise ValueError("the run-length encoding is cut off")
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    if any(count < 0 for count in counts):
        raise ValueError("a run of negative length")
    return tuple(counts)


def _inside(ring: Float[np.ndarray, "n 2"], width: int, height: int) -> Bool[np.ndarray, "height width"]:
    """Pixels from whose centre a ray to the left crosses the outline an odd number of times."""
    inside = np.zeros((height, width), bool)
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        rows = np.flatnonzero((np.minimum(y0, y1) <= y) & (y < np.maximum(y0, y1)))
        if len(rows):
            crossing = x0 + (y[rows] - y0) * (x1 - x0) / (y1 - y0)
            inside[rows] ^= x > crossing[:, None]
    return inside


def _check_size(shape: tuple[int, ...], width: int, height: int) -> None:
    if tuple(shape) != (height, width):
        raise DataError(f"it is made for a picture of {shape[1]} x {shape[0]}, and its picture has {width} x {height}")
