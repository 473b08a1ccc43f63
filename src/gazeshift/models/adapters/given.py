"""A third-party model with everything around it: how pictures and sentences become its inputs, and what its outputs are called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from gazeshift.models.adapters.inputs import Inputs
from gazeshift.models.adapters.protocol import Outside

Reading = Callable[[Sequence[Image], Sequence[str]], tuple[Inputs, Inputs]]
"""RGB pictures and texts to a model's inputs: one row per picture, and ``options`` rows per text (one text after the other)."""


@dataclass(frozen=True, eq=False)
class Given:
    """A model that was not trained here, ready for pictures and sentences.

    Attributes:
        name: what it is called in results and messages.
        net: the model at its layer; its logits are those of ``classes``, or a single score per row if ``options`` is above 1.
        read: pictures and texts to its inputs. Pictures whose grids differ in size can only be read one at a time.
        classes: names of the logits, in order.
        view: the part of a picture that the map covers, in its own proportions: what the map is drawn on.
        reads_text: whether texts reach the model at all; else ``read`` ignores them.
        options: rows of text input per text. Above 1, there is one row for each class, and the score of row k is the logit of class k.
        mask_token: stands for a masked word; None if there is none.
        notes: what a user should know about how the model is asked, one sentence each.
    """

    name: str
    net: Outside
    read: Reading
    classes: tuple[str, ...]
    view: Callable[[Image], Image]
    reads_text: bool = True
    options: int = 1
    mask_token: str | None = None
    notes: tuple[str, ...] = ()
