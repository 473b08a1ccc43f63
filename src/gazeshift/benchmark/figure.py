"""The answers as one picture: a panel for each question, a row for each model, method and set."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gazeshift.atomic import atomic_write
from gazeshift.benchmark.questions import QUESTIONS
from gazeshift.benchmark.record import Answer, Benchmark
from gazeshift.benchmark.tables import titles

_INK, _RED, _GREY = "#222222", "#b03030", "#999999"


def draw(record: Benchmark, path: Path) -> None:
    """Write the figure as PNG: points with 95 % intervals, and a grey line at what chance gives.

    Args:
        record: the answers.
        path: the file.

    Raises:
        DataError: it cannot be written.
    """
    asked = [
        name for name in QUESTIONS if any(each.question == name for model in record.models for each in model.answers)
    ]
    called = {method: titles(record.of(method)) for method in record.methods}
    rows = [
        (model, scenes, title if len(record.methods) == 1 else f"{title}, {method}")
        for scenes in record.scenes
        for method in record.methods
        for model, title in zip(record.of(method), called[method], strict=True)
    ]
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(2.1 * len(asked) + 1.6, 0.45 * len(rows) + 1.5), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, max(len(asked), 1), sharey=True, squeeze=False)[0]
        for panel, name in zip(panels, asked, strict=False):
            panel.set_title(name, fontsize=9, color=_INK)
            panel.axvline(QUESTIONS[name].chance, color=_GREY, linewidth=1, zorder=0)
            panel.set_xlabel(f"{QUESTIONS[name].unit}\n{QUESTIONS[name].wanted} is better", fontsize=7)
            panel.tick_params(labelsize=7)
            for place, (model, scenes, _) in enumerate(rows):
                found = [each for each in model.answers if (each.question, each.scenes) == (name, scenes)]
                for answer in found:
                    _point(panel, answer, place)
        panels[0].set_yticks(
            range(len(rows)),
            [f"{title}\n{scenes}: {model.verdicts.get(scenes, '')}" for model, scenes, title in rows],
        )
        panels[0].set_ylim(len(rows) - 0.5, -0.5)
        with atomic_write(path) as file:
            figure.savefig(file, format="png", dpi=160)


def _point(panel: Axes, answer: Answer, place: int) -> None:
    if answer.value is None:
        return
    low, high = answer.interval or (answer.value, answer.value)
    panel.plot([low, high], [place, place], color=_RED, linewidth=1.5)
    panel.plot([answer.value], [place], "o", color=_RED, markersize=4)
