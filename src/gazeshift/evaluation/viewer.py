"""A model over the pairs of a study: bound to some of them at a time, whether it was trained here or given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from PIL.Image import Image

from gazeshift.evaluation.framing import Framing
from gazeshift.evaluation.question import ImageSource, TextSource
from gazeshift.models import Bound, BoundClassifier, Classifier, Model

SHARD = 64
"""Images per chunk of a classifier: bounds the memory and does not change the results."""


@dataclass(frozen=True)
class Viewer:
    """A model and the pairs that it looks at.

    Attributes:
        classes: class names in the order of the logits.
        reads_text: whether its logits depend on the text.
        bind: pair indices and texts, bound to the model.
        shard: how many pairs at once.
        place: maps of a pair (index) on the whole of the picture that the model is given.
    """

    classes: tuple[str, ...]
    reads_text: bool
    bind: Callable[[Sequence[int], Sequence[str]], Bound]
    shard: int = SHARD
    place: Callable[[Float[np.ndarray, "n h w"], int], Float[np.ndarray, "n y x"]] | None = None

    def shards(self, count: int, most: int = SHARD) -> list[range]:
        """So many pairs in chunks of at most so many."""
        size = min(self.shard, most)
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def placed(self, maps: Float[np.ndarray, "n h w"], rows: Sequence[int]) -> Float[np.ndarray, "n y x"]:
        """Maps of some pairs on the whole of their pictures: a model may see less of them than it is given.

        Args:
            maps: of the part that the model sees.
            rows: the pairs that were bound: a single one if the model may see less.
        """
        if self.place is None:
            return maps
        (row,) = rows
        return self.place(maps, row)


def viewer_of(model: Classifier, images: ImageSource, texts: TextSource) -> Viewer:
    """A classifier trained here, with its images at the tap and its texts encoded.

    Args:
        model: the classifier.
        images: function from pair indices to features at the tap.
        texts: encoded texts.
    """
    return Viewer(model.classes, model.reads_text, lambda rows, said: BoundClassifier(model, images(rows), texts(said)))


def given_viewer(model: Model, picture: Callable[[int], Image], text: Callable[[str], str] = str) -> Viewer:
    """Any other model, one picture at a time: pictures of different sizes may have different grids.

    Where the model cuts off a part of the picture itself, its maps are laid on the whole picture.

    Args:
        model: the model.
        picture: the picture of a pair (index).
        text: what the model is told instead of a text.
    """
    picture, framing = lru_cache(maxsize=1)(picture), Framing(model.name, model.view)

    def bind(rows: Sequence[int], said: Sequence[str]) -> Bound:
        return model.bind([picture(row) for row in rows], [text(each) for each in said])

    def place(maps: Float[np.ndarray, "n h w"], row: int) -> Float[np.ndarray, "n y x"]:
        return framing.place(maps, picture(row).size)

    return Viewer(model.classes, model.reads_text, bind, shard=1, place=place)
