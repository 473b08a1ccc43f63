"""Class by class: how far a text about something else moves the lead model's map, and how much nearer the centre image-only looks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gazeshift.claims.moving import about_something_else
from gazeshift.measures import Figure
from gazeshift.report.axis import Axis
from gazeshift.report.means import over_images
from gazeshift.report.store import FinishedRun

ENDS = 10  # classes shown openly at each end of a long ranking


@dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
        place: in the ranking, from 1.
        label: its name.
        moved: Jensen-Shannon distance that the changed text moves the map.
        gap: centre bias of the image-only model minus the lead model's, images with both maps defined.
        gap_place: its place by ``gap``; None where that is undefined.
    """

    place: int
    label: str
    moved: Figure
    gap: Figure
    gap_place: int | None


@dataclass(frozen=True)
class Ranking:
    """Classes of one model, by how far the map moves, farthest first; those without any defined map last.

    Attributes:
        model: the lead model.
        image: the image-only model; None if the study has none, and then no row has a gap.
        edit: the changed text.
        rows: all classes.
        moved_axis, gap_axis: of the bars.
    """

    model: str
    image: str | None
    edit: str
    rows: list[ClassRow]
    moved_axis: Axis
    gap_axis: Axis

    @property
    def parts(self) -> tuple[list[ClassRow], list[ClassRow], list[ClassRow]]:
        """The first, middle and last classes; a short ranking is all in the first part."""
        if len(self.rows) <= 3 * ENDS:
            return self.rows, [], []
        return self.rows[:ENDS], self.rows[ENDS:-ENDS], self.rows[-ENDS:]


def ranking(run: FinishedRun) -> Ranking | None:
    """The ranking for the lead model; None if no model reads texts, or no edit is about something else."""
    rows = run.measures[run.measures["model"] == run.lead]
    edit = about_something_else(rows)
    if run.lead is None or edit is None:
        return None
    changed = rows[rows["edit"] == edit]
    changed = changed.assign(js_distance=np.sqrt(changed["js_bits"].astype(float)))
    gaps = _gaps(run)
    labels = [str(label) for label in changed["label"].unique()]
    moved = {label: over_images(changed[changed["label"] == label], "js_distance") for label in labels}
    gap = {label: over_images(gaps[gaps["label"] == label], "gap") for label in labels}
    order = sorted(labels, key=lambda label: _falling(moved[label]))
    by_gap = [label for label in sorted(labels, key=lambda label: _falling(gap[label])) if gap[label].mean is not None]
    return Ranking(
        run.lead,
        run.roles.get("image"),
        edit,
        [
            ClassRow(place, label, moved[label], gap[label], by_gap.index(label) + 1 if label in by_gap else None)
            for place, label in enumerate(order, start=1)
        ],
        Axis.holding([0.0, *_means(moved)]),
        Axis.holding([0.0, *_means(gap)]),
    )


def _gaps(run: FinishedRun) -> pd.DataFrame:
    """seed, key, label, ``gap``: the image-only model minus the lead, own text; no rows if the study has no image-only model."""
    own = run.measures[run.measures["edit"] == "original"]
    columns = ["seed", "key", "label", "centre_bias"]
    image, lead = (own.loc[own["model"] == name, columns] for name in (run.roles.get("image"), run.lead))
    both = image.merge(lead.drop(columns="label"), on=["seed", "key"], suffixes=("", "_lead"))
    return both.assign(gap=both["centre_bias"] - both["centre_bias_lead"])


def _falling(figure: Figure) -> float:
    return np.inf if figure.mean is None else -figure.mean


def _means(figures: dict[str, Figure]) -> list[float]:
    return [figure.mean for figure in figures.values() if figure.mean is not None]
