"""The unit of all data: one image with one text, and what is known of its scene."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from gazeshift.json_types import Json


class ImageReference(ABC):
    """A picture that lies in a larger file or elsewhere: where it is, not what it is. Small, and can be pickled.

    Attributes:
        name: its file name, where it has one; else the empty text.
        digest: SHA-256 of its bytes in hexadecimal digits, if they were read when the data were opened; else None.
        state: text that changes when the picture does, where whoever keeps it says so; else empty.
        block: what is read as a whole to read the picture, such as a row group of a Parquet file; None where pictures are read one by one.
    """

    __slots__ = ()

    name: str
    digest: str | None
    state: str
    block: str | None

    @abstractmethod
    def read(self) -> bytes:
        """Its bytes.

        Raises:
            ImageError: it is not there any more.
            DataError: whatever holds it cannot be read, or has changed since the data were opened.
        """

    @property
    @abstractmethod
    def identity(self) -> str:
        """The same for two references to one picture, and only then: its digest where that is known, else its place."""


ImageSource = Path | bytes | ImageReference
"""A picture: a file, its bytes, or a reference to where they lie."""


Levels = Callable[[ImageSource], Int[np.ndarray, "h w *channels"]]
"""Reads a picture of a mask as it is stored: grey levels, palette indices or colours."""


class Shape(ABC):
    """Where something lies in its picture: an outline, a box, a mask. Small, and can be pickled.

    Attributes:
        source: the picture that it is drawn in; None if it is given by numbers.
        boxed: whether it is a box, which round a thin thing is mostly background.
        hideable: whether others may hide it, so that an empty one is no mistake: what is left of it is drawn, not what it is.
    """

    __slots__ = ()

    source: ImageSource | None
    boxed: bool
    hideable: bool

    @abstractmethod
    def mask(self, width: int, height: int, read: Levels) -> Bool[np.ndarray, "height width"]:
        """The pixels of the upright picture that belong to it; what lies outside the picture is cut off.

        Raises:
            DataError: made for a picture of another size.
            ImageError: its picture cannot be decoded.
        """

    @property
    @abstractmethod
    def extent(self) -> tuple[float, float, float, float] | None:
        """Left, top, right and bottom in pixels, where numbers give it; None for what is drawn in a picture."""

    @property
    @abstractmethod
    def description(self) -> Json:
        """All that it is but for its picture's bytes, to tell whether data have changed."""


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene whose place is known: ground truth.

    Attributes:
        name: what it is, which is also the class name if it is the referred one.
        colour: its colour word; empty if unknown.
        index: its number in the scene, from 1.
        referred: whether the text of the pair refers to it.
        shapes: where it is: together, they are its region. Empty if unknown.
    """

    name: str
    colour: str
    index: int
    referred: bool
    shapes: tuple[Shape, ...] = ()

    @property
    def boxed(self) -> bool:
        """Whether its region is one of boxes."""
        return any(shape.boxed for shape in self.shapes)


@dataclass(frozen=True)
class SceneCaption:
    """One valid text about a scene with known ground truth.

    Attributes:
        kind: what sort of text, for example ``dish``, ``colour`` or ``position``.
        text: the text.
        referred: index of the object it refers to; None if it refers to none.
        content: the words that carry the meaning, joined by a space; two captions of equal kind and content are paraphrases.
    """

    kind: str
    text: str
    referred: int | None
    content: str


@dataclass(frozen=True)
class Pair:
    """One image, one text and their class.

    Attributes:
        key: POSIX path of the image under the data root; unique in a data set.
        image: the file, its bytes, or a reference to where they lie.
        text: the text, never None; no text is the empty text.
        label: class name.
        split: ``train``, ``validation`` or ``test``.
        objects: the objects of the scene, where they are known, each with its region.
        captions: all valid texts of the scene, where they are known.
        further: other texts of the pair that were asked for, each after the name of its column.
    """

    key: str
    image: ImageSource
    text: str
    label: str
    split: str
    objects: tuple[SceneObject, ...] = ()
    captions: tuple[SceneCaption, ...] = ()
    further: tuple[tuple[str, str], ...] = ()

    @property
    def has_regions(self) -> bool:
        """Whether it is known where some object lies."""
        return any(each.shapes for each in self.objects)

    def further_text(self, column: str) -> str | None:
        """The pair's other text of a column; None if it has none.

        Example:
            >>> Pair("a", b"", "a red car", "car", "test", further=(("false", "a blue car"),)).further_text("false")
            'a blue car'
        """
        return dict(self.further).get(column)
