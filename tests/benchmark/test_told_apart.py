"""The comparison of two kinds of models, where the answer is known."""

from benchmarks.told_apart import told_apart

from gazeshift.benchmark import Benchmark, ModelResult
from gazeshift.benchmark.questions import QUESTIONS
from gazeshift.benchmark.record import Answer


def kind(verdict: str, **values: tuple[float, ...]) -> Benchmark:
    """Models of a kind with these answers."""
    models = []
    for place in range(len(next(iter(values.values())))):
        answers = [
            Answer(
                scenes="plates",
                question=name.replace("_", " "),
                sentence="",
                value=value[place],
                chance=0,
                unit="",
                n=9,
                undefined=0,
            )
            for name, value in values.items()
        ]
        found = {"name": "m", "address": str(place), "digest": "", "method": "rise", "accuracy": {}}
        models.append(ModelResult(**found, answers=tuple(answers), verdicts={"plates": verdict}))
    return Benchmark(seed=0, scenes={"plates": "drawn"}, models=tuple(models))


def test_the_better_kind_is_above_one_half_whichever_direction_is_better() -> None:
    honest = kind("honest", told_apart=(0.9, 0.8), ignores_noise=(0.1, 0.3), goes_where_named=(0.2, 0.1))
    shortcut = kind("shortcut", told_apart=(0.5, 0.6), ignores_noise=(0.2, 0.4), goes_where_named=(0.2, 0.3))
    lines = told_apart([honest], [shortcut])
    header, row = lines[2], lines[4]
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert cells["told apart"] == "1.00"
    assert cells["ignores noise"] == "0.75"
    assert cells["goes where named"] == "0.12"
    assert cells["follows place"] == "-"
    assert row.endswith("| 2 honest | 2 shortcut |")
    assert set(QUESTIONS) <= set(cells)
