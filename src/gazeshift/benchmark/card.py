"""The tables as a section of a README, in Markdown."""

from gazeshift.benchmark.questions import HONEST, QUESTIONS
from gazeshift.benchmark.record import Benchmark
from gazeshift.benchmark.tables import Sheet, sheets


def card(record: Benchmark) -> str:
    """A section for a README: what was asked, of which pictures, and the tables.

    Example:
        >>> print(card(Benchmark(seed=0, scenes={}, models=())).splitlines()[0])
        ## Where it looks when the text changes
    """
    lines = [
        "## Where it looks when the text changes",
        "",
        f"Measured by `gazeshift benchmark` (seed {record.seed}) on pictures whose truth is known. Means with 95 % intervals over "
        "pictures.",
    ]
    for sheet in sheets(record):
        lines += ["", *_table(sheet)]
    if record.left_out:
        lines += [
            "",
            "Left out:",
            "",
            *(f"- {each.name}, maps of {each.method}: {each.why}" for each in record.left_out),
        ]
    if record.not_asked:
        lines += ["", "Not asked about:", "", *(f"- {why}" for why in record.not_asked)]
    asked = {answer.question for model in record.models for answer in model.answers}
    meanings = (
        f"- *{name}*: {question.sentence} ({question.unit}; by chance {question.chance:g}; {question.wanted} is better)"
        for name, question in QUESTIONS.items()
        if name in asked
    )
    lines += ["", *meanings]
    lines += [
        f"- *honest*: the interval of *told apart* lies above {HONEST:g}, and that of *finds which is there* above 0.5 where it is known; "
        f"*shortcut*: one of the two lies below {HONEST:g}. A shortcut model answers from the words alone, or its map does not go where "
        "they point. *blind*: no text moves the map at all, as with methods that read no text.",
        "",
    ]
    return "\n".join(lines)


def _table(sheet: Sheet) -> list[str]:
    columns = [name.replace("|", "\\|") for name in sheet.columns]
    title, _, note = sheet.title.partition(": ")
    return [
        f"**{title}**: {note}.",
        "",
        f"| {sheet.first} | {' | '.join(columns)} | by chance |",
        f"|---|{'---|' * len(columns)}---|",
        *(f"| {' | '.join((name, *cells, chance))} |" for name, cells, chance in sheet.rows),
    ]
