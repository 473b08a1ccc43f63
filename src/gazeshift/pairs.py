"""The unit of all data: one image with one text, and what is known of its scene."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path


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


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene with known ground truth.

    Attributes:
        name: what it is, which is also the class name if it is the referred one.
        colour: its colour word.
        index: its pixel value in the scene's label map (``Pair.objects_mask``); 0 there is background.
        referred: whether the text of the pair refers to it.
    """

    name: str
    colour: str
    index: int
    referred: bool


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
        objects_mask: an image file of object indices (see ``SceneObject.index``), where masks are known.
        objects: the objects of the scene, where they are known.
        captions: all valid texts of the scene, where they are known.
    """

    key: str
    image: ImageSource
    text: str
    label: str
    split: str
    objects_mask: Path | None = None
    objects: tuple[SceneObject, ...] = ()
    captions: tuple[SceneCaption, ...] = ()
