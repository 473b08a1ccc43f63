"""Distributions over all test pairs, as strips that share one axis: shapes that a page draws at any width."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gazeshift.report.store import RunFolder

WIDTH, HEIGHT = 1000.0, 100.0  # of a strip's own coordinates; the page stretches it
FLOOR = "paraphrase"


@dataclass(frozen=True)
class Strip:
    """One distribution.

    Attributes:
        name: what it is of.
        path: outline of the histogram as SVG path data; empty if there is nothing to draw.
        median, lower, upper: quartiles; None if nothing is defined.
        n: defined values, over images and seeds.
        undefined: values that are not.
        is_floor: whether the others are held against it.
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
        low, high: ends of the axis.
        ticks: values to label.
        floor: median of the floor's strip, or None.
        beyond: values outside the axis, drawn in its last or first bin.
        rows: the strips, in order.
    """

    measure: str
    group: str
    low: float
    high: float
    ticks: list[float]
    floor: float | None
    beyond: int
    rows: list[Strip]

    def place(self, value: float) -> float:
        """Where a value lies on the strip, 0 to ``WIDTH``."""
        return float(np.clip((value - self.low) / (self.high - self.low), 0, 1) * WIDTH)


def edit_distributions(folder: RunFolder) -> list[Distribution]:
    """Per model that reads texts: Jensen-Shannon divergence from the map of the pair's own text, one strip per edit."""
    changed = folder.measures[folder.measures["edit"] != "original"]
    edits = [edit for edit in folder.edits if edit != "original"]
    models = folder.model_names(sees_image=True, reads_text=True)
    parts = {model: changed[changed["model"] == model] for model in models}
    # One axis for all models, so that their strips compare.
    low, high = _ends(changed[changed["model"].isin(models)]["js_bits"], start=0.0)
    return [
        _distribution("js_bits", model, [(edit, part[part["edit"] == edit]) for edit in edits], low, high)
        for model, part in parts.items()
        if not part.empty
    ]


def centre_distribution(folder: RunFolder) -> Distribution | None:
    """Centre bias of the maps with the pairs' own texts, one strip per model; None if no model has maps."""
    own = folder.measures[folder.measures["edit"] == "original"]
    groups = [(model, own[own["model"] == model]) for model in folder.model_names(sees_image=True)]
    if not groups:
        return None
    low, high = _ends(own["centre_bias"])
    return _distribution("centre_bias", "", groups, low, high)


def _distribution(
    measure: str, group: str, parts: Sequence[tuple[str, pd.DataFrame]], low: float, high: float
) -> Distribution:
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
        low=low,
        high=high,
        ticks=_ticks(low, high),
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


def _ends(values: pd.Series, start: float | None = None) -> tuple[float, float]:
    """An axis that holds all but the outermost 1 % of the values, its ends rounded outwards to a tick."""
    finite = values.to_numpy(dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return 0.0, 1.0
    low, high = np.quantile(finite, [0.005, 0.995]).tolist()
    low = low if start is None else start
    step = _step(max(high - low, 1e-3))
    low, high = float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
    return (low, high) if high > low else (low, low + step)


def _step(span: float) -> float:
    """A round distance of ticks that cuts a span into three to seven parts."""
    power = 10.0 ** np.floor(np.log10(span / 3))
    return float(power * max(factor for factor in (1, 2, 5) if factor * power <= span / 3 * 1.0001))


def _ticks(low: float, high: float) -> list[float]:
    step = _step(high - low)
    return [
        round(low + index * step, 10)
        for index in range(round((high - low) / step) + 1)
        if low + index * step <= high * (1 + 1e-9) + 1e-12
    ]
