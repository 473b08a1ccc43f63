"""What the page asks of a small study, checked."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gazeshift.app.asked import Name
from gazeshift.app.ready import READY

MAX_MODELS = 6
"""Models in one study: every two of them are compared."""

MAX_EXPLAINED = 200
"""Pictures that are explained; with more, a study belongs in a terminal."""


class AskSmall(BaseModel):
    """Which small study.

    Attributes:
        study: what ``Workshop.open`` gave; nobody else knows it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: Annotated[str, Field(min_length=1, max_length=64)]


class StartSmall(AskSmall):
    """What to study.

    Attributes:
        models: names of the page's models.
        edits: changed texts.
        pictures: at most so many test pictures are explained.
        train: also train an image-only and an early-fusion model on the dropped pairs.
    """

    models: Annotated[tuple[Name, ...], Field(max_length=MAX_MODELS)] = ()
    edits: Annotated[tuple[Name, ...], Field(min_length=1, max_length=len(READY))]
    pictures: Annotated[int, Field(ge=1, le=MAX_EXPLAINED)] = 40
    train: bool = False
