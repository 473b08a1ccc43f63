"""The answers as tables of text: one for each set of pictures and each method, and one of the methods where there are several."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from gazeshift.benchmark.questions import FOLLOWS, QUESTIONS
from gazeshift.benchmark.record import Answer, Benchmark, ModelResult


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        title: what it is about.
        first: name of the first column.
        columns: names of the models.
        rows: the first cell of each, one cell for each model, and what chance gives (empty where there is no chance).
    """

    title: str
    first: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...], str], ...]


def sheets(record: Benchmark, *, brief: bool = False) -> list[Sheet]:
    """All tables of a record: for each set the methods against each other, if there are several, and all questions of each method.

    Args:
        record: the answers.
        brief: of several methods only the first kind.
    """
    several = len(record.methods) > 1
    found = []
    for scenes, note in record.scenes.items():
        if several:
            found.append(_of_methods(record, scenes, note))
        for method in () if several and brief else record.methods:
            found.append(_of_questions(record.of(method), scenes, f"{scenes}: {note}; maps: {method}"))
    return found


def titles(models: Sequence[ModelResult]) -> tuple[str, ...]:
    """What to call models in a table: their names, or where names repeat the part of their addresses that differs.

    Example:
        >>> one, two = (ModelResult(name="m", address=f"run/{seed}", digest="", method="rise", accuracy={}, answers=(), verdicts={})
        ...             for seed in ("seed-0", "seed-1"))
        >>> titles([one]), titles([one, two])
        (('m',), ('seed-0', 'seed-1'))
    """
    named = Counter(model.name for model in models)
    parts = {tuple(model.address.split("/")) for model in models if named[model.name] > 1}
    shared = (
        len(list(takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False)))) if len(parts) > 1 else 0
    )
    return tuple(
        model.name if named[model.name] == 1 else "/".join(model.address.split("/")[shared:]) or model.address
        for model in models
    )


def _of_questions(models: Sequence[ModelResult], scenes: str, title: str) -> Sheet:
    columns = [{each.question: each for each in model.answers if each.scenes == scenes} for model in models]
    most = max((answer.n for column in columns for answer in column.values()), default=0)
    rows = [
        (
            name + _fewer(columns, name, most),
            tuple(_cell(column.get(name)) for column in columns),
            f"{question.chance:g}",
        )
        for name, question in QUESTIONS.items()
        if any(name in column for column in columns)
    ]
    shares = [model.accuracy.get(scenes) for model in models]
    rows.append(("right, told the name", tuple("-" if each is None else f"{each:.1%}" for each in shares), ""))
    rows.append(("honest or shortcut", tuple(model.verdicts.get(scenes, "-") for model in models), ""))
    return Sheet(title, "question", titles(models), tuple(rows))


def _fewer(columns: Sequence[Mapping[str, Answer]], name: str, most: int) -> str:
    """A question about fewer pictures than others says of how many."""
    found = sorted({column[name].n for column in columns if name in column})
    return "" if found == [most] else f" ({' to '.join(map(str, dict.fromkeys((found[0], found[-1]))))} pictures)"


def _of_methods(record: Benchmark, scenes: str, note: str) -> Sheet:
    """``FOLLOWS`` by each method, with the verdict."""
    everyone = {(model.name, model.address): model for model in record.models}
    rows = []
    for method in record.methods:
        results = {(model.name, model.address): model for model in record.of(method)}
        rows.append((method, tuple(_decided(results.get(each), scenes) for each in everyone), "0.5"))
    return Sheet(f"{scenes}: {note}; {FOLLOWS}, by method", "maps", titles(tuple(everyone.values())), tuple(rows))


def _decided(model: ModelResult | None, scenes: str) -> str:
    if model is None:
        return "-"
    answer = next((each for each in model.answers if (each.scenes, each.question) == (scenes, FOLLOWS)), None)
    return f"{_cell(answer)} {model.verdicts.get(scenes, '')}".rstrip()


def _cell(answer: Answer | None) -> str:
    if answer is None or answer.value is None:
        return "-"
    low, high = answer.interval or (float("nan"),) * 2
    return f"{answer.value:.3f} [{low:.3f}, {high:.3f}]"
