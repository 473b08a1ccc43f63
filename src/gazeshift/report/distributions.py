"""Distributions over all test pairs, as strips that share one axis: shapes that scale to any page width."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gazeshift.report.axis import WIDTH, Axis
from gazeshift.report.store import FinishedRun

HEIGHT = 100.0  # of a strip's own coordinates; the page stretches it
SHARE = 0.99  # of the values lies on the axis; the others are drawn in its outermost bins
FLOOR = "paraphrase"


@dataclass(frozen=True)
class Strip:
    """One distribution.

    Attributes:
        name: what it is the distribution of.
        path: outline of the histogram as SVG path data; empty if there is nothing to draw.
        median, lower, upper: quartiles; None if nothing is defined.
        n: defined values, over images and seeds.
        undefined: number of undefined values.
        is_floor: whether it is the noise floor for the others.
    """

    name: str
    path: str
    median: float | None
    lower: float | None
    upper: float | None
    n: int
    undefined: int
    is_floor: bool


@dataclass(frozen=True)
class Distribution:
    """Strips over one axis.

    Attributes:
        measure: column of the measures.
        group: the model, or empty if the strips are the models.
        axis: their axis.
        floor: median of the floor's strip, or None.
        beyond: values outside the axis, drawn in its last or first bin.
        rows: the strips, in order.
    """

    measure: str
    group: str
    axis: Axis
    floor: float | None
    beyond: int
    rows: list[Strip]


def edit_distributions(run: FinishedRun) -> list[Distribution]:
    """Per model that reads texts, the lead first: Jensen-Shannon divergence from the map of the pair's own text, one strip per edit."""
    changed = run.measures[run.measures["edit"] != "original"]
    edits = [edit for edit in run.edits if edit != "original"]
    models = sorted(run.model_names(sees_image=True, reads_text=True), key=lambda name: name != run.lead)
    parts = {model: changed[changed["model"] == model] for model in models}
    # One axis for all models, so that their strips are comparable.
    axis = Axis.holding(changed[changed["model"].isin(models)]["js_bits"], SHARE, start=0.0)
    return [
        _distribution("js_bits", model, [(edit, part[part["edit"] == edit]) for edit in edits], axis)
        for model, part in parts.items()
        if not part.empty
    ]


def centre_distribution(run: FinishedRun) -> Distribution | None:
    """Centre bias of the maps with the pairs' own texts, one strip per model; None if no model has maps."""
    own = run.measures[run.measures["edit"] == "original"]
    groups = [(model, own[own["model"] == model]) for model in run.model_names(sees_image=True)]
    if not groups:
        return None
    return _distribution("centre_bias", "", groups, Axis.holding(own["centre_bias"], SHARE))


def _distribution(measure: str, group: str, parts: Sequence[tuple[str, pd.DataFrame]], axis: Axis) -> Distribution:
    low, high = axis.low, axis.high
    values = {name: part[measure].to_numpy(dtype=np.float64) for name, part in parts if len(part)}
    defined = {name: column[np.isfinite(column)] for name, column in values.items()}
    bins = int(np.clip(2 * np.sqrt(max((len(column) for column in defined.values()), default=0)), 8, 50))
    rows = []
    for name, column in defined.items():
        lower, median, upper = np.quantile(column, [0.25, 0.5, 0.75]).tolist() if len(column) else (None,) * 3
        counts, _ = np.histogram(np.clip(column, low, high), bins=bins, range=(low, high))
        undefined = len(values[name]) - len(column)
        rows.append(Strip(name, _steps(counts), median, lower, upper, len(column), undefined, name == FLOOR))
    return Distribution(
        measure=measure,
        group=group,
        axis=axis,
        floor=next((row.median for row in rows if row.is_floor), None),
        beyond=int(sum(((column < low) | (column > high)).sum() for column in defined.values())),
        rows=rows,
    )


def _steps(counts: np.ndarray) -> str:
    """A histogram's outline, its highest bin at full height."""
    if not counts.any():
        return ""
    edges = np.linspace(0, WIDTH, len(counts) + 1)
    tops = HEIGHT * (1 - 0.94 * counts / counts.max())
    points = "".join(f"V{top:.1f}H{right:.1f}" for top, right in zip(tops, edges[1:], strict=True))
    return f"M0 {HEIGHT:.0f}{points}V{HEIGHT:.0f}Z"
