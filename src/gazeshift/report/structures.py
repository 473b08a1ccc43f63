"""A page of its own for a study of many structures: which of them let the text steer the map, model by model and taken together."""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from gazeshift.drawing.overlay import Quality
from gazeshift.edits.telling import TEXTS, telling
from gazeshift.measures import Figure
from gazeshift.report.axis import Axis
from gazeshift.report.environment import page_environment
from gazeshift.report.store import FinishedRun
from gazeshift.report.tables import FIGURE_COLUMNS, Table, figure_fields
from gazeshift.runs.record import ModelRecord
from gazeshift.runs.summary import ModelFigures, applied

ENOUGH = 4
"""With fewer kinds of fusion than this the report's own tables say all."""


@dataclass(frozen=True)
class Quantity:
    """A column of the page.

    Attributes:
        name: in the CSV table.
        title: at the head of the column.
        kind: how its numbers are shown.
        help: what it is.
    """

    name: str
    title: str
    kind: str
    help: str


def quantities(edit: str) -> tuple[Quantity, ...]:
    """The columns, for the edit that tells most about whether a map follows the text."""
    said = TEXTS[edit]
    return (
        Quantity("accuracy", "accuracy", "percent", "share of the test pairs that are classified correctly"),
        Quantity("gap", "text adds", "points", "accuracy minus that of the image-only model on the same trunk"),
        Quantity("centre_bias", "centre bias", "signed", "1: all mass at the centre; 0: like a uniform map"),
        Quantity("js_bits", "map moves", "bits", f"Jensen-Shannon divergence of the maps with {said} and with the own"),
        Quantity("excess", "beyond a paraphrase", "bits", "the same minus what a paraphrase of the own text does"),
        Quantity("switch", "by switching", "bits", "the part that comes with another predicted class"),
        Quantity("within", "by re-weighting", "bits", "the part for the same class: what is seen is weighed anew"),
        Quantity("faithfulness", "sensitivity-n", "signed", "correlation of the evidence in hidden cells with the fall of the logit"),
        Quantity("undefined", "without a map", "percent", "share of the pairs without positive evidence, left out of the other columns"),
        Quantity("lift", "lift on the object", "times", "evidence on the object that the text names, over its share of the picture"),
    )  # fmt: skip


@dataclass(frozen=True)
class StructureRow:
    """One model: what it is, and its figures by the name of the quantity; None where the study does not have one."""

    model: ModelRecord
    figures: dict[str, Figure | None]

    def mean(self, name: str) -> float | None:
        """A figure's mean."""
        figure = self.figures[name]
        return None if figure is None else figure.mean


@dataclass(frozen=True)
class Kind:
    """All models with one fusion.

    Attributes:
        name: of the fusion.
        moves: whether a text can move the map of a fixed class, by structure.
        sentence: the same in words.
        rows: the models.
    """

    name: str
    moves: bool
    sentence: str
    rows: tuple[StructureRow, ...]

    def means(self, name: str) -> list[float]:
        """Means of a quantity, model by model, as far as they are defined."""
        return [mean for row in self.rows if (mean := row.mean(name)) is not None]

    def mean(self, name: str) -> float | None:
        """Mean over the models; None if none has the figure."""
        found = self.means(name)
        return sum(found) / len(found) if found else None

    def ends(self, name: str) -> tuple[float, float] | None:
        """The lowest and the highest of the models."""
        found = self.means(name)
        return (min(found), max(found)) if found else None


@dataclass(frozen=True)
class Structures:
    """What the page shows.

    Attributes:
        edit: the changed text whose effect is shown.
        kinds: the fusions, those whose text re-weights what is seen the most first.
        axis: of the drawing, in bits.
        hues: a number for each image trunk, for its colour.
    """

    edit: str
    kinds: tuple[Kind, ...]
    axis: Axis
    hues: dict[str, int]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The columns for which any model has a figure. None depends on the scale of logits, which differs from trunk to trunk."""
        return tuple(
            each for each in quantities(self.edit) if any(kind.mean(each.name) is not None for kind in self.kinds)
        )

    @property
    def rows(self) -> list[StructureRow]:
        """Every model."""
        return [row for kind in self.kinds for row in kind.rows]


def _images(run: FinishedRun, models: Sequence[ModelRecord]) -> dict[str, int]:
    """To how many images each edit applies, whichever model's map is defined."""
    found: dict[str, int] = {}
    for model in models:
        found |= applied(run.summary.edits.get(model.name, {}))
    return found


def structures(run: FinishedRun) -> Structures | None:
    """The models of a run that see and read, by fusion; None if these are too few fusions for a page."""
    both = [
        model
        for model in run.models
        if model.sees_image and model.reads_text and model.given is None and model.texts == "own"
    ]
    names = list(dict.fromkeys(model.kind or model.name for model in both))
    edit = telling(_images(run, both))
    if len(names) < ENOUGH or edit is None:
        return None
    rows = [StructureRow(model, _figures(run.summary.model(model.name), edit)) for model in both]
    kinds = [_kind(name, tuple(row for row in rows if (row.model.kind or row.model.name) == name)) for name in names]
    kinds.sort(key=lambda kind: -math.inf if (mean := kind.mean("within")) is None else mean, reverse=True)
    drawn = [value for kind in kinds for name in ("switch", "within") for value in kind.means(name)]
    hues = {name: place for place, name in enumerate(dict.fromkeys(model.image or "" for model in both))}
    return Structures(edit, tuple(kinds), Axis.holding([0.0, *drawn]), hues)


def structure_table(found: Structures | None) -> Table:
    """``structures``: one row per model and quantity; no row if the study compares no structures."""
    columns = ["kind", "image", "text", "text_can_move_map", "model", "quantity", *FIGURE_COLUMNS]
    rows: list[list[Any]] = [
        [kind.name, row.model.image, row.model.text, kind.moves, row.model.name, each.name, *figure_fields(figure)]
        for kind in (found.kinds if found else ())
        for row in kind.rows
        for each in (found.quantities if found else ())
        if (figure := row.figures[each.name]) is not None
    ]
    return Table("structures", columns, rows)


def structure_page(run: FinishedRun, found: Structures) -> bytes:
    """``structures.html``: one picture, a table of the fusions, and one of all models that can be sorted and filtered."""
    script = files("gazeshift.report").joinpath("templates", "structures.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    context = {
        "run": run.record,
        "found": found,
        "said": TEXTS[found.edit],
        "images": _named(row.model.image for row in found.rows),
        "texts": _named(row.model.text for row in found.rows),
        "script": script,
        "digest": digest,
    }
    page = page_environment(Quality(96, 50)).get_template("structures.html.j2").render(context)
    return page.encode("utf-8", "replace")


def _kind(name: str, rows: tuple[StructureRow, ...]) -> Kind:
    return Kind(name, rows[0].model.text_can_move_map, rows[0].model.structure, rows)


def _figures(model: ModelFigures, edit: str) -> dict[str, Figure | None]:
    edits = model.edits.get(edit, {})
    return {
        "accuracy": model.accuracy.get("test"),
        "gap": model.gap,
        "centre_bias": model.maps.get("centre_bias"),
        **{name: edits.get(name) for name in ("js_bits", "excess", "switch", "within")},
        "faithfulness": model.checks.get("faithfulness", {}).get("sensitivity_30"),
        "undefined": model.maps.get("undefined"),
        "lift": model.masks.get("lift"),
    }


def _named(names: Any) -> Sequence[str]:
    return [name for name in dict.fromkeys(names) if name is not None]
