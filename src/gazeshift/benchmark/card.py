"""The table as a section of a README, in Markdown."""

from gazeshift.benchmark.questions import HONEST, QUESTIONS
from gazeshift.benchmark.record import Answer, Benchmark


def card(record: Benchmark) -> str:
    """A section for a README: what was asked, of which pictures, and one table for each set.

    Example:
        >>> print(card(Benchmark(seed=0, method="default", scenes={}, models=())).splitlines()[0])
        ## Where it looks when the text changes
    """
    lines = [
        "## Where it looks when the text changes",
        "",
        f"Measured by `gazeshift benchmark` (maps: {record.method}, seed {record.seed}) on pictures whose truth is known. Means with 95 % "
        "intervals over pictures.",
    ]
    for name, note in record.scenes.items():
        lines += ["", f"**{name}**: {note}.", "", *_table(record, name)]
    meanings = (
        f"- *{name}*: {question.sentence} ({question.unit}; by chance {question.chance:g})"
        for name, question in QUESTIONS.items()
    )
    lines += ["", *meanings]
    lines += [
        f"- *honest*: the interval of *told apart* lies above {HONEST:g}; *shortcut*: below it. A shortcut model answers from the words "
        "alone: its map does not go where they point.",
        "",
    ]
    return "\n".join(lines)


def _table(record: Benchmark, scenes: str) -> list[str]:
    columns = [{each.question: each for each in model.answers if each.scenes == scenes} for model in record.models]
    names = [model.name.replace("|", "\\|") for model in record.models]
    rows = [
        f"| {question} | {' | '.join(_cell(column.get(question)) for column in columns)} |"
        for question in QUESTIONS
        if any(question in column for column in columns)
    ]
    verdicts = " | ".join(f"**{model.verdicts.get(scenes, '-')}**" for model in record.models)
    return [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}", *rows, f"| honest or shortcut | {verdicts} |"]


def _cell(answer: Answer | None) -> str:
    if answer is None or answer.value is None:
        return "-"
    low, high = answer.interval or (float("nan"),) * 2
    return f"{answer.value:.3f} [{low:.3f}, {high:.3f}]"
