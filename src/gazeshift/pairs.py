"""The unit of all data: one image with one text, and a batch of them."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene whose truth is known.

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
    """One valid text about a scene whose truth is known.

    Attributes:
        kind: what sort of text, for example ``dish``, ``colour`` or ``position``.
        text: the text.
        referred: index of the object it refers to; None if it refers to none.
        content: the words that carry the meaning, joined by a space; two captions of equal kind and content say the same in other words.
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


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs, ready for a model.

    Attributes:
        keys: one per pair.
        images: preprocessed images.
        tokens: token ids of the texts, padded.
        token_mask: True at real tokens.
        labels: class indices in the model's class order.
    """

    keys: tuple[str, ...]
    images: Float[Tensor, "b 3 H W"]
    tokens: Int[Tensor, "b l"]
    token_mask: Bool[Tensor, "b l"]
    labels: Int[Tensor, " b"]
