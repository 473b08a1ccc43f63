"""``run.json``: what a reader needs to judge a run and to reproduce it."""

from typing import Annotated

from pydantic import Field, JsonValue

from gazeshift.claims.roles import Player, Roles
from gazeshift.records import Number, Record


class Step(Record):
    """The outcome of a step: ``done`` now or ``reused`` from before, and the seconds its work took."""

    name: str
    seconds: float
    state: str


class DataRecord(Record):
    """The pairs of a study.

    Attributes:
        name: name of the data set.
        format: its layout.
        fingerprint: fingerprint of all pairs as used.
        pairs: how many, by split.
        audit: findings, by kind.
        title_contains_class: share of the texts that contain the name of their class, 0 to 1.
        titles_shared_train_test: texts that occur in training and in test.
        ceiling: by split, the highest accuracy possible from the image alone, if known (Plates); else empty.
    """

    name: str = ""
    format: str = ""
    fingerprint: str = ""
    pairs: dict[str, int] = Field(default_factory=dict)
    audit: dict[str, int] = Field(default_factory=dict)
    title_contains_class: Number = None
    titles_shared_train_test: int | None = None
    ceiling: dict[str, float] = Field(default_factory=dict)


class ModelRecord(Record):
    """A model of a study.

    Attributes:
        name: the user's name for it.
        kind: its head; empty in old runs, where models are named after their heads.
        texts: what it was trained on: ``own``, ``constant`` or ``shuffled``.
        sees_image, reads_text: its inputs.
        text_can_move_map: whether a text can move the map of a fixed class, by structure.
        structure: the same in a sentence.
        digest: of the weights, by seed.
        given: where it is from, if it was not trained here.
        counterpart: the model without text that it is compared with.
        image, text: names of its trunk and its encoder, where the study has several.
    """

    name: str
    kind: str = ""
    texts: str = "own"
    sees_image: bool
    reads_text: bool
    text_can_move_map: bool
    structure: str
    digest: dict[str, str]
    given: str | None = None
    counterpart: str | None = None
    image: str | None = None
    text: str | None = None


class RunRecord(Record):
    """Everything about a run except its figures.

    Attributes:
        name: of the folder.
        title, question: of the study.
        command: the command line.
        started: ISO 8601.
        seconds: the time its work took.
        machine: processors, platform and device.
        versions: of the libraries.
        seeds: of training; at least one.
        classes: names in order.
        steps: in order.
        data: the pairs.
        preprocessing: of all models.
        recipes: of training, by model.
        models: in the study's order.
        warnings: caveats.
    """

    name: str
    title: str
    question: str = ""
    command: str
    started: str
    seconds: float
    machine: dict[str, str | int | None]
    versions: dict[str, str]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    classes: tuple[str, ...]
    steps: tuple[Step, ...]
    data: DataRecord
    preprocessing: dict[str, JsonValue]
    recipes: dict[str, dict[str, JsonValue]]
    models: tuple[ModelRecord, ...]
    warnings: tuple[str, ...]

    @property
    def roles(self) -> Roles:
        """Which model plays which role."""
        return Roles(
            tuple(
                Player(
                    model.name,
                    model.kind or model.name,
                    model.texts,
                    model.sees_image,
                    model.reads_text,
                    given=model.given is not None,
                    counterpart=model.counterpart,
                    image=model.image,
                    text=model.text,
                )
                for model in self.models
            )
        )
