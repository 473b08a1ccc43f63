"""The unit of all data: one image with one text, and what is known of its scene."""

from dataclasses import dataclass
from pathlib import Path


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
        image: the file, or its bytes.
        text: the text, never None; no text is the empty text.
        label: class name.
        split: ``train``, ``validation`` or ``test``.
        objects_mask: an image file of object indices (see ``SceneObject.index``), where masks are known.
        objects: the objects of the scene, where they are known.
        captions: all valid texts of the scene, where they are known.
    """

    key: str
    image: Path | bytes
    text: str
    label: str
    split: str
    objects_mask: Path | None = None
    objects: tuple[SceneObject, ...] = ()
    captions: tuple[SceneCaption, ...] = ()
