"""The CSV tables: the page's numbers, unrounded; an empty field where a number is undefined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gazeshift.claims.verdict import Contrast, Verdict
from gazeshift.measures import Figure
from gazeshift.report.distributions import Distribution
from gazeshift.report.samples import Reading, Sample
from gazeshift.report.store import FinishedRun
from gazeshift.spreadsheet import csv_text

FIGURE_COLUMNS = ("mean", "low", "high", "n", "seeds")


@dataclass(frozen=True)
class Table:
    """A CSV table.

    Attributes:
        name: file name without suffix.
        columns: the header.
        rows: values in the header's order; None is an empty field.
    """

    name: str
    columns: Sequence[str]
    rows: list[list[Any]]

    def as_csv(self) -> bytes:
        r"""The file's content.

        Example:
            >>> Table("t", ["a", "b"], [[None, 0.1]]).as_csv()
            b'a,b\n,0.1\n'
        """
        return csv_text(self.columns, self.rows).encode("utf-8", "replace")


def figure_fields(figure: Figure | None) -> list[Any]:
    """A figure's values in the order of ``FIGURE_COLUMNS``."""
    if figure is None:
        return [None] * len(FIGURE_COLUMNS)
    return [figure.mean, *(figure.interval or (None, None)), figure.n, figure.seeds]


def accuracy_table(run: FinishedRun) -> Table:
    """Table 1: accuracy of every model and split, and on the test split the gaps to the image-only and to the text-only model."""
    columns = [
        "model",
        "sees_image",
        "reads_text",
        "split",
        *FIGURE_COLUMNS,
        *(f"gap_{name}" for name in FIGURE_COLUMNS),
        *(f"gap_to_text_{name}" for name in FIGURE_COLUMNS),
        "gap_reference",
    ]
    rows = [
        [
            model.name, model.sees_image, model.reads_text, split, *figure_fields(figure),
            *figure_fields(run.summary.gap.get(model.name) if split == "test" else None),
            *figure_fields(run.summary.gap_to_text.get(model.name) if split == "test" else None),
            run.roles.without_text(model.name),
        ]
        for model in run.models
        for split, figure in run.summary.accuracy.get(model.name, {}).items()
    ]  # fmt: skip
    return Table("table1", columns, rows)


def look_table(samples: Sequence[Sample]) -> Table:
    """Table 2: one row per picture and model."""
    names = ("confidence", "centre_bias", "coverage", "amplitude", "js_to_image_only")
    columns = ["position", "reason", "key", "label", "text", "model", "predicted", "correct", "map_defined", *names]
    rows = [
        [
            *_about(sample),
            reading.model,
            reading.predicted,
            reading.correct,
            _defined(reading),
            *_numbers(reading, names),
        ]
        for sample in samples
        for reading in [*(reading for row in sample.readings.values() for reading in row), *sample.blind]
    ]
    return Table("table2", columns, rows)


def edit_sample_table(samples: Sequence[Sample]) -> Table:
    """Table 3: one row per picture, model and text."""
    names = ("confidence", "centre_bias", "coverage", "amplitude", "js_bits", "switch", "within")
    columns = [
        "position", "reason", "key", "label", "own_text", "model", "edit", "text", "predicted", "correct",
        "switched", "map_defined", *names,
    ]  # fmt: skip
    rows = [
        [
            *_about(sample), reading.model, reading.edit, reading.text, reading.predicted, reading.correct, reading.switched,
            _defined(reading), *_numbers(reading, names),
        ]
        for sample in samples
        for row in sample.readings.values()
        for reading in row
    ]  # fmt: skip
    return Table("table3", columns, rows)


def figure_tables(run: FinishedRun) -> list[Table]:
    """``edits``, ``maps`` and ``masks``: one row per figure of the summary."""
    edits = [
        [model, edit, measure, *figure_fields(figure)]
        for model, by_edit in run.summary.edits.items()
        for edit, by_measure in by_edit.items()
        for measure, figure in by_measure.items()
    ]
    tables = [Table("edits", ["model", "edit", "measure", *FIGURE_COLUMNS], edits)]
    sections = {"maps": run.summary.maps, "masks": run.summary.masks}
    for name, by_model in sections.items():
        rows = [
            [model, measure, *figure_fields(figure)]
            for model, by_measure in by_model.items()
            for measure, figure in by_measure.items()
        ]
        tables.append(Table(name, ["model", "measure", *FIGURE_COLUMNS], rows))
    return tables


def distribution_table(distributions: Sequence[Distribution]) -> Table:
    """Medians and quartiles of the distributions drawn on the page."""
    columns = ["measure", "group", "name", "median", "lower_quartile", "upper_quartile", "n", "undefined"]
    rows = [
        [part.measure, part.group, row.name, row.median, row.lower, row.upper, row.n, row.undefined]
        for part in distributions
        for row in part.rows
    ]
    return Table("distributions", columns, rows)


def check_table(run: FinishedRun) -> Table:
    """What was wanted and what was found."""
    columns = ["name", "wanted", "found", "passed"]
    return Table("checks", columns, [[getattr(check, name) for name in columns] for check in run.summary.checks])


def claim_table(found: Sequence[Verdict]) -> Table:
    """``claims``: one row per contrast; the claim's own values are in the row of its own contrast, with ``needed`` equal to ``primary``."""
    columns = [
        "claim", "contrast", "sentence", "needed", "agrees", "unit", "effect", "low", "high", "n", "seeds", "classes", "verdict",
        "reason", "margin", "p", "p_holm", "degrees_of_freedom", "equivalent", "equivalence_p", "bootstrap_low", "bootstrap_high",
        "sign_flip_p", "d_z", "cliffs_delta",
    ]  # fmt: skip
    rows = []
    for one in (part for whole in found for part in whole.tested):
        about = [
            one.verdict, one.reason, one.margin, one.p, one.p_holm, one.degrees_of_freedom,
            *((one.equivalence.equivalent, one.equivalence.p) if one.equivalence else (None, None)),
            *(one.bootstrap or (None, None)), one.sign_flip.p if one.sign_flip else None, one.d_z, one.cliffs_delta,
        ]  # fmt: skip
        rows.append([*_contrast(one, one.primary), *about])
        rows += [[*_contrast(one, support), *[None] * len(about)] for support in one.contrasts[1:]]
    return Table("claims", columns, rows)


def _contrast(one: Verdict, row: Contrast) -> list[Any]:
    return [
        one.name, row.name, row.sentence, row.needed, row.agrees, row.unit, row.effect, *(row.interval or (None, None)), row.n, one.seeds,
        one.classes,
    ]  # fmt: skip


def _about(sample: Sample) -> list[Any]:
    return [sample.position, sample.reason, sample.key, sample.label, sample.text]


def _defined(reading: Reading) -> bool | None:
    return None if reading.raw is None else reading.defined


def _numbers(reading: Reading, names: Sequence[str]) -> list[float | None]:
    return [reading.numbers[name] for name in names]
