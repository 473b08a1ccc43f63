"""What a benchmark found, as its JSON holds it."""

from typing import Literal

from gazeshift.records import Interval, Number, Record

FORMAT = "gazeshift-benchmark-1"

Word = Literal["honest", "shortcut", "undecided"]


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
    """One model.

    Attributes:
        name: of the model.
        address: where it was opened.
        digest: of its weights.
        accuracy: by set, share of the pictures whose named thing it answers with, told its name.
        answers: to all questions.
        verdicts: by set, whether its map follows what the text names.
    """

    name: str
    address: str
    digest: str
    accuracy: dict[str, float]
    answers: tuple[Answer, ...]
    verdicts: dict[str, Word]


class Benchmark(Record):
    """One table.

    Attributes:
        format: version of this record.
        seed: of pictures and texts.
        method: of the maps; ``default`` is the one that suits each model.
        scenes: what the sets are, by name.
        models: in the order given.
    """

    format: str = FORMAT
    seed: int
    method: str
    scenes: dict[str, str]
    models: tuple[ModelResult, ...]
