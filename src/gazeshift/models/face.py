"""What everything above the models asks of a model, whether it was trained here, published by others, or written by the user."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PIL.Image import Image

from gazeshift.models.bound import Bound
from gazeshift.models.fusions.fusion import Structure


@dataclass(frozen=True)
class Heard:
    """What a model takes in of some texts.

    Attributes:
        truncated: per text, whether it was longer than the model reads and was cut.
        unread: per text, whether it is not empty but the model knows nothing in it.
    """

    truncated: tuple[bool, ...]
    unread: tuple[bool, ...]


Seen = Callable[[Sequence[str]], Bound]
"""Pictures that a model has looked at, ready for any texts: every one with every other, bound."""


@runtime_checkable
class Model(Protocol):
    """A model of pictures and texts."""

    @property
    def name(self) -> str:
        """What it is called in results and messages."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits, in order."""

    def digest(self) -> str:
        """A fingerprint: two models with the same one give the same numbers."""

    @property
    def structure(self) -> Structure | None:
        """What the text can do to a map, declared; None if nobody knows, so that it has to be tried."""

    @property
    def sees_image(self) -> bool:
        """Whether the logits depend on the image."""

    @property
    def reads_text(self) -> bool:
        """Whether the logits depend on the text."""

    @property
    def mask_token(self) -> str | None:
        """Stands for a masked word; None if the model knows no such token."""

    @property
    def enough(self) -> int | None:
        """Length in pixels of a picture's shorter side that its decoder may reduce it to; None: it must not."""

    def about(self, picture: Image, text: str) -> "Model":
        """The model as it is asked about a picture and a text: itself, unless its outputs are the tokens of its own answer to them."""

    def heard(self, texts: Sequence[str]) -> Heard:
        """What it takes in of some texts."""

    def view(self, picture: Image) -> Image:
        """The part of a picture that the model sees and a map covers: what the map is drawn on."""

    def trials(self) -> Iterator[tuple[Bound, int]]:
        """The model with one random image and some random texts, to try what a text can do; and how many texts. Several such."""

    def see(self, pictures: Sequence[Image]) -> Seen:
        """Pictures, ready for any texts: each call gives what ``bind`` gives.

        What no text changes is computed once, where the model is known to keep it apart.
        """

    def bind(self, pictures: Sequence[Image], texts: Sequence[str]) -> Bound:
        """Pictures and texts encoded, every one with every other, ready to be explained.

        Raises:
            ModelError: the model cannot be explained with these; says why.
        """
