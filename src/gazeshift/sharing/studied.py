"""What a study found about one of its models, as rows of a card."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gazeshift.drawing.numbers import shown
from gazeshift.edits.telling import TEXTS, telling
from gazeshift.errors import DataError, UsageError
from gazeshift.measures import Figure
from gazeshift.models import Classifier, load
from gazeshift.report.model_checks import panels
from gazeshift.report.store import FinishedRun, read_run
from gazeshift.report.words import EDIT_COLUMNS, MAP_COLUMNS, MASK_COLUMNS, Column
from gazeshift.runs.folder import Unit
from gazeshift.runs.summary import ModelFigures, applied

_MOVED = ("js_bits", "excess", "switch", "within", "switched", "named_mass_change", "undefined")
"""What of a change of the text the card shows."""


@dataclass(frozen=True)
class Row:
    """A figure for people: what was measured, its mean, its interval, over how many images and seeds."""

    what: str
    mean: str
    interval: str
    over: str


@dataclass(frozen=True)
class Studied:
    """A model in the study that trained it.

    Attributes:
        run: the finished study.
        unit: which of its models, and which seed.
    """

    run: FinishedRun
    unit: Unit

    @property
    def figures(self) -> ModelFigures:
        """Of all seeds."""
        return self.run.summary.model(self.unit.model)

    @property
    def accuracy(self) -> float:
        """Of these weights alone, on the test pairs."""
        rows = self.run.predictions
        mine = rows[(rows["model"] == self.unit.model) & (rows["seed"] == self.unit.seed) & (rows["split"] == "test")]
        return float(mine["correct"].mean())

    @property
    def caveats(self) -> list[str]:
        """The study's warnings, without those about other models, and without the names of other models."""
        names = {model.name for model in self.run.models}
        return [mine for said in self.run.summary.warnings if (mine := self._own(said, names))]

    def _own(self, said: str, names: set[str]) -> str:
        about, _, rest = said.partition(": ")
        named = set(about.split(", "))
        if not named <= names:
            return said
        return f"{self.unit.model}: {rest}" if self.unit.model in named else ""

    def rows(self) -> list[Row]:
        """All figures that the card shows; what was not measured has no row."""
        return [*self._accuracy(), *self._maps(), *self._text(), *self._checks()]

    def _accuracy(self) -> Iterator[Row]:
        figures, roles = self.figures, self.run.roles
        for split, figure in figures.accuracy.items():
            yield _row(f"accuracy, {split} pairs", figure, "percent")
        for reference, gap in (
            (roles.without_text(self.unit.model), figures.gap),
            (roles.get("text"), figures.gap_to_text),
        ):
            if gap is not None:
                yield _row(f"accuracy minus that of {reference}, test pairs, points", gap, "points")

    def _maps(self) -> Iterator[Row]:
        yield from _rows("maps with the pairs’ own texts", self.figures.maps, MAP_COLUMNS)
        yield from _rows("the object that the text names", self.figures.masks, MASK_COLUMNS)

    def _text(self) -> Iterator[Row]:
        """The most telling change of the text, above the paraphrase that is its floor."""
        edits = self.figures.edits
        if (name := telling(applied(edits))) is not None:
            yield from _rows(TEXTS[name], edits[name], (column for column in EDIT_COLUMNS if column.name in _MOVED))
        if "paraphrase" in edits:
            yield from _rows("a paraphrase", edits["paraphrase"], EDIT_COLUMNS[:1])

    def _checks(self) -> Iterator[Row]:
        for panel in panels(self.run):
            yield from _rows(panel.name, panel.rows.get(self.unit.model, {}), panel.columns)


def studied(model: Classifier, run: str | Path) -> Studied:
    """Find a model in a finished study, by its name and seed, and check that it is the same one.

    Args:
        model: as loaded from the study's folder, or from a copy of its folder.
        run: the study's folder.

    Raises:
        UsageError: a model that says of no seed, or that the study does not have.
        DataError: the run is not finished, or its model has other weights.
        ModelError: the study's model cannot be loaded.
    """
    found, seed = read_run(Path(run)), model.origin.training.get("seed")
    unit = Unit(model.name, seed) if isinstance(seed, int) else None
    if unit is None or unit.model not in {each.name for each in found.models} or unit.seed not in found.record.seeds:
        which = model.name if unit is None else str(unit)
        raise UsageError(
            f"{run} has no {which}: give the study that trained the model, or none for a card without figures."
        )
    if load(found.folder.model(unit)).digest() != model.digest():
        raise DataError(f"{run}: its {unit} has other weights than this model, so its figures are not this model's.")
    return Studied(found, unit)


def _rows(group: str, figures: Mapping[str, Figure], columns: Iterable[Column]) -> Iterator[Row]:
    for column in columns:
        if (figure := figures.get(column.name)) is not None:
            yield _row(f"{group}: {_unmarked(column.title)}", figure, column.kind)


def _row(what: str, figure: Figure, kind: str) -> Row:
    interval = " to ".join(shown(bound, kind) for bound in figure.interval or ())
    return Row(what, shown(figure.mean, kind), interval, f"{figure.n:,} x {figure.seeds}")


def _unmarked(title: str) -> str:
    """A column's title without the arrow that says which way is better, which a page explains and a card does not."""
    return re.sub(r" [↑↓]$", "", title)
