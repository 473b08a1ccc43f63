"""A model over the pairs of a study: bound to some of them at a time, whether it was trained here or given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL.Image import Image

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
    """

    classes: tuple[str, ...]
    reads_text: bool
    bind: Callable[[Sequence[int], Sequence[str]], Bound]
    shard: int = SHARD

    def shards(self, count: int, most: int = SHARD) -> list[range]:
        """So many pairs in chunks of at most so many."""
        size = min(self.shard, most)
        return [range(start, min(start + size, count)) for start in range(0, count, size)]


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

    Args:
        model: the model.
        picture: the picture of a pair (index).
        text: what the model is told instead of a text.
    """

    def bind(rows: Sequence[int], said: Sequence[str]) -> Bound:
        return model.bind([picture(row) for row in rows], [text(each) for each in said])

    return Viewer(model.classes, model.reads_text, bind, shard=1)
