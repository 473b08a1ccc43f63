"""CSV tables of the claims' evidence: modifiers, information, models, classes."""

from collections.abc import Sequence
from typing import Any

from gazeshift.report.classes import Ranking
from gazeshift.report.effects import RETRAINING, kinds_of_modifiers, retraining, words_of_modifiers
from gazeshift.report.information import Information
from gazeshift.report.means import over_images
from gazeshift.report.page import Content
from gazeshift.report.store import FinishedRun
from gazeshift.report.tables import FIGURE_COLUMNS, Table, figure_fields

MODIFIER_MEASURES = ("js_distance", "coverage_change")


def modifier_table(run: FinishedRun) -> Table:
    """``modifiers``: a row per model, kind, word and measure; an empty word is the whole kind, with an interval over images too."""
    rows: list[list[Any]] = []
    for model in run.model_names(sees_image=True, reads_text=True):
        for kind, part in kinds_of_modifiers(run, model).items():
            for measure in MODIFIER_MEASURES:
                whole = {"": over_images(part, measure)} | words_of_modifiers(part, measure)
                rows += [[model, kind, word, measure, *figure_fields(figure)] for word, figure in whole.items()]
    return Table("modifiers", ["model", "kind", "word", "measure", *FIGURE_COLUMNS], rows)


def information_table(found: Sequence[Information]) -> Table:
    """``information``: a row per model, set of texts and term, in bits; ``above`` is the text term of changed above floor texts."""
    rows = []
    for one in found:
        rows += [
            [one.model, split.texts, term, *figure_fields(getattr(split, term))]
            for split in one.splits
            for term in ("total", "static", "image", "text")
        ]
        if one.above.n:
            rows.append([one.model, "changed", "above", *figure_fields(one.above)])
    return Table("information", ["model", "texts", "term", *FIGURE_COLUMNS], rows)


def model_table(content: Content) -> Table:
    """``models``: centre bias three ways, static share (``n`` counts classes), equivariance slope, retraining, peaks of the mean maps."""
    rows: list[list[Any]] = []
    for model, figures in content.habits.rows.items() if content.habits else ():
        rows += [[model, name, *figure_fields(figure)] for name, figure in figures.items() if figure.n]
    for model in content.run.model_names(sees_image=True):
        floor = retraining(content.run, model)
        if floor.n:
            rows.append([model, RETRAINING, *figure_fields(floor)])
    rows += [[mean.model, "mean_map_peak", mean.peak, None, None, mean.images, 1] for mean in content.mean_maps]
    return Table("models", ["model", "measure", *FIGURE_COLUMNS], rows)


def class_table(ranking: Ranking | None) -> Table:
    """``classes``: one row per class, in the order of the ranking."""
    columns = ["place", "label", "model", "edit", *(f"js_distance_{name}" for name in FIGURE_COLUMNS)]
    columns += ["gap_place", *(f"centre_bias_gap_{name}" for name in FIGURE_COLUMNS)]
    rows = [
        [row.place, row.label, ranking.model, ranking.edit, *figure_fields(row.moved), row.gap_place, *figure_fields(row.gap)]
        for row in ranking.rows
    ] if ranking else []  # fmt: skip
    return Table("classes", columns, rows)
