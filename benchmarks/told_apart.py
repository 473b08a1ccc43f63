"""Which questions of ``gazeshift benchmark`` tell two kinds of models apart, by which methods.

    python benchmarks/told_apart.py --honest honest/benchmark.json --shortcut shortcut/benchmark.json

Both files are what ``gazeshift benchmark MODEL... --out DIR`` wrote for several models of one kind. The number is the AUROC of the answers:
the probability that a model of the first kind answers better than one of the second, ties counted half. 0.5 is chance, 0 as far apart
as 1, the other way round. With five models of each kind, 0.9 or more happens by luck once in 63 times.
"""
# ruff: noqa: T201

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gazeshift.benchmark import Benchmark
from gazeshift.benchmark.questions import QUESTIONS
from gazeshift.records import read_record
from gazeshift.statistics import auroc


def answers(records: Sequence[Benchmark], scenes: str, method: str, question: str) -> np.ndarray:
    """The answers of all models of one kind, the better the higher."""
    found = [
        each.value
        for record in records
        for model in record.of(method)
        for each in model.answers
        if (each.scenes, each.question) == (scenes, question) and each.value is not None
    ]
    return QUESTIONS[question].better * np.array(found, dtype=float)


def told_apart(honest: Sequence[Benchmark], shortcut: Sequence[Benchmark]) -> list[str]:
    """A Markdown table for each set of pictures: methods by questions, and the verdicts."""
    lines = []
    methods = dict.fromkeys(method for record in honest for method in record.methods)
    for scenes in dict.fromkeys(name for record in honest for name in record.scenes):
        lines += [
            "",
            f"**{scenes}**",
            "",
            f"| maps | {' | '.join(QUESTIONS)} | verdicts, honest models | verdicts, shortcut models |",
        ]
        lines.append(f"|---|{'---|' * (len(QUESTIONS) + 2)}")
        for method in methods:
            cells = [_cell(*(answers(kind, scenes, method, name) for kind in (honest, shortcut))) for name in QUESTIONS]
            verdicts = [_verdicts(kind, scenes, method) for kind in (honest, shortcut)]
            lines.append(f"| {' | '.join((method, *cells, *verdicts))} |")
    return lines[1:]


def _cell(good: np.ndarray, bad: np.ndarray) -> str:
    if not (len(good) and len(bad)):
        return "-"
    return f"{auroc(good, bad):.2f}"


def _verdicts(records: Sequence[Benchmark], scenes: str, method: str) -> str:
    found = [model.verdicts[scenes] for record in records for model in record.of(method) if scenes in model.verdicts]
    return ", ".join(f"{found.count(word)} {word}" for word in dict.fromkeys(sorted(found)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--honest", type=Path, nargs="+", required=True)
    parser.add_argument("--shortcut", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    kinds = ([read_record(path, Benchmark) for path in paths] for paths in (given.honest, given.shortcut))
    print("\n".join(told_apart(*kinds)))
