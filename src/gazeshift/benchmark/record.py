"""What a benchmark found, as its JSON holds it."""

from typing import Literal

from gazeshift.records import Interval, Number, Record

FORMAT = "gazeshift-benchmark-1"

Word = Literal["honest", "shortcut", "undecided", "blind"]


class Answer(Record):
    """The answer to one question about one set of pictures.

    Attributes:
        scenes: the set.
        question: its name in ``QUESTIONS``.
        sentence: the question.
        value: None if nothing was defined.
        interval: 95 %, by resampling pictures.
        chance: what a model scores whose map does not depend on the text.
        unit: of value, interval and chance.
        n: pictures.
        undefined: share of the pictures whose map with the own text is zero everywhere.
    """

    scenes: str
    question: str
    sentence: str
    value: Number = None
    interval: Interval = None
    chance: float
    unit: str
    n: int
    undefined: float


class ModelResult(Record):
    """One model, with maps of one method.

    Attributes:
        name: of the model.
        address: where it was opened.
        digest: of its weights.
        method: of the maps; ``default`` is the one that suits the model.
        accuracy: by set, share of the pictures whose named thing it answers with, told its name.
        answers: to all questions.
        verdicts: by set, whether its map follows what the text names.
    """

    name: str
    address: str
    digest: str
    method: str
    accuracy: dict[str, float]
    answers: tuple[Answer, ...]
    verdicts: dict[str, Word]


class LeftOut(Record):
    """A method that a model has no maps of.

    Attributes:
        name: of the model.
        method: the method.
        why: in a sentence.
    """

    name: str
    method: str
    why: str


class Benchmark(Record):
    """One table for each set of pictures and each method.

    Attributes:
        format: version of this record.
        seed: of pictures and texts.
        scenes: what the sets are, by name.
        models: a result for each model and method, methods first, models in the order given.
        left_out: what was not possible.
        not_asked: why sets of pictures are missing.
    """

    format: str = FORMAT
    seed: int
    scenes: dict[str, str]
    models: tuple[ModelResult, ...]
    left_out: tuple[LeftOut, ...] = ()
    not_asked: tuple[str, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods of the maps, in order.

        Example:
            >>> Benchmark(seed=0, scenes={}, models=()).methods
            ()
        """
        return tuple(dict.fromkeys(model.method for model in self.models))

    def of(self, method: str) -> tuple[ModelResult, ...]:
        """The results with maps of one method."""
        return tuple(model for model in self.models if model.method == method)
