"""What a model that answers in its own words says, token by token."""

from collections.abc import Sequence

import torch
from PIL.Image import Image
from pydantic import BaseModel, ConfigDict

from gazeshift.models.face import Model
from gazeshift.models.hub.answers import WHOLE
from gazeshift.saliency.asked import Asked

ROLES = ("predicted", "reference")
"""Targets that choose among classes; the tokens of an answer are no choice."""


class Token(BaseModel):
    """A token of an answer.

    Attributes:
        target: what explains it, as ``explain`` takes it.
        word: as a reader knows it.
        probabilities: of the token, given what is before it, with each text; of one that another text makes unlikely it is small.
    """

    model_config = ConfigDict(frozen=True)

    target: str
    word: str
    probabilities: tuple[float, ...]


def target_of(model: Model, asked: Model, target: str) -> str:
    """What is explained of a model: the target, or the whole answer where none of its tokens was asked for.

    Args:
        model: as it is.
        asked: as it is asked about a picture and a text.
        target: as for ``explain``.
    """
    return WHOLE if answers(model, asked) and target not in asked.classes else target


def answers(model: Model, asked: Model) -> bool:
    """Whether a model answers in its own words: then it is another once it is asked."""
    return asked is not model


def tokens_of(asked: Model, picture: Image, texts: Sequence[str]) -> tuple[Token, ...]:
    """The tokens of the answer to the first text, and how likely each is with every text.

    Args:
        asked: the model with its answer.
        picture: what it is asked about.
        texts: the first is the one that was answered.
    """
    rows = torch.arange(len(texts))
    scores = Asked.of(asked.bind([picture], texts), torch.zeros_like(rows), rows).logits.float().exp().cpu()
    return tuple(
        Token(target=name, word=_word(name), probabilities=tuple(scores[:, place].tolist()))
        for place, name in enumerate(asked.classes)
        if name != WHOLE
    )


def said_by(asked: Model) -> tuple[str, ...]:
    """The words of an answer, token by token."""
    return tuple(_word(name) for name in asked.classes if name != WHOLE)


def _word(name: str) -> str:
    return name.partition(": ")[2]
