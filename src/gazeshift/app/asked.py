"""What the page asks of the server, checked: lengths, names and numbers are limited here, whatever a page or a script sends."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 2000
"""Characters of a text; no text encoder here reads as many."""

MAX_TEXTS = 40
"""Texts in one request."""

MAX_WORDS_TEXT = 300
"""Characters of a text whose every word is left out in turn."""

MAX_MODELS = 16
"""Models in one figure."""

MAX_APART = 8
"""Pictures in one request of a comparison: the page asks for the next ones, and may stop."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class _Asked(BaseModel):
    """What every request names: a picture. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: Name


class _AskedOfModel(_Asked):
    """What every request to a model names."""

    model: Name
    target: Name = "predicted"
    method: Name = "default"


class Ask(_AskedOfModel):
    """Maps of one picture by one model.

    Attributes:
        picture: its name.
        model: the model's name on the page.
        texts: the first is what the others are compared with.
        target: as for ``gazeshift.explain``.
        method: a saliency method.
    """

    texts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MAX_TEXTS)]


class AskWords(_AskedOfModel):
    """The words of one text before one picture.

    Attributes:
        text: with at least one word.
        regions: whether also what each word adds to each region, for which the trunk runs once for every region.
    """

    text: Annotated[str, Field(max_length=MAX_WORDS_TEXT)]
    regions: bool = True


class AskScene(_Asked):
    """What the page shows: one picture before some models.

    Attributes:
        models: by their names on the page.
        texts: before and after.
        target: as for ``gazeshift.explain``.
        method: a saliency method.
    """

    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_MODELS)]
    texts: tuple[Text, Text]
    target: Name = "predicted"
    method: Name = "default"


class Side(BaseModel):
    """One side of a comparison.

    Attributes:
        model: its name on the page.
        text: what it is asked with; ``{text}`` stands for the picture's own text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Name
    text: Text = "{text}"


class AskApart(BaseModel):
    """Two sides before some pictures of the data.

    Attributes:
        pictures: their names.
        one: the first side.
        other: the second.
        target: as for ``gazeshift.explain``; ``reference`` is what the first side predicts.
        method: a saliency method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_APART)]
    one: Side
    other: Side
    target: Name = "predicted"
    method: Name = "default"


class AskEdits(_Asked):
    """Ready changes of one text."""

    text: Text
    draw: Annotated[int, Field(ge=0, lt=2**31)] = 0
