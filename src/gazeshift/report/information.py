"""What a model's maps say about place, in bits: the part shared by all images, the image's and the text's."""

from dataclasses import dataclass

import pandas as pd

from gazeshift import measures
from gazeshift.measures import Figure
from gazeshift.report.axis import Axis
from gazeshift.report.means import NOTHING, over_images, over_seeds
from gazeshift.report.store import FinishedRun

TERMS = ("static", "image", "text")


@dataclass(frozen=True)
class Split:
    """``total = static + image + text`` with one set of texts: ``own``, ``changed`` or ``floor``; means over training seeds."""

    texts: str
    total: Figure
    static: Figure
    image: Figure
    text: Figure


@dataclass(frozen=True)
class Information:
    """Of one model.

    Attributes:
        model: its name.
        axis: in bits, the same for all models.
        splits: one per set of texts.
        above: the text term of changed texts above that of floor texts, seed by seed; undefined if one is missing.
    """

    model: str
    axis: Axis
    splits: list[Split]
    above: Figure


def information(run: FinishedRun) -> list[Information]:
    """Per model with maps; empty if the run has no such table."""
    rows = run.more["information"]
    whole = rows[rows["label"] == ""]
    axis = Axis.holding(whole.groupby(["model", "texts"])["total"].mean() if len(whole) else [], start=0.0)
    parts = {model: whole[whole["model"] == model] for model in run.model_names(sees_image=True)}
    return [Information(model, axis, _splits(part), _above(part)) for model, part in parts.items() if len(part)]


def static_share(run: FinishedRun, model: str) -> Figure:
    """The static part of a class's maps over their total, mean over seeds and classes; ``n`` counts classes."""
    rows = run.more["information"]
    rows = rows[(rows["model"] == model) & (rows["texts"] == "own") & (rows["label"] != "")]
    if rows.empty:
        return NOTHING
    share = measures.static_share(rows["static"].to_numpy(float), rows["total"].to_numpy(float))
    return over_images(rows.assign(share=share), "share", "label")


def _splits(part: pd.DataFrame) -> list[Split]:
    return [
        Split(texts, **{term: over_seeds(mine[term].tolist(), mine["images"].tolist()) for term in ("total", *TERMS)})
        for texts in ("own", "changed", "floor")
        if len(mine := part[part["texts"] == texts])
    ]


def _above(part: pd.DataFrame) -> Figure:
    terms = {texts: part[part["texts"] == texts].set_index("seed") for texts in ("changed", "floor")}
    if any(rows.empty for rows in terms.values()):
        return NOTHING
    difference = terms["changed"]["text"] - terms["floor"]["text"]
    return over_seeds(difference.tolist(), terms["changed"]["images"].tolist())  # the floor's are the same images
