"""The questions of the benchmark, each a number from the measured rows. One dict of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from gazeshift.benchmark.aspects import NAMES_ANOTHER
from gazeshift.edits import NULLS
from gazeshift.measures import Figure, crossed_figure
from gazeshift.statistics import auroc

DRAWS = 500


@dataclass(frozen=True)
class Question:
    """A question about a model.

    Attributes:
        aspect: the aspect in ``ASPECTS`` that the texts name things by.
        sentence: as people ask it.
        unit: of the answer.
        chance: of a model whose map does not depend on the text.
        better: 1 if more is what one wants of a model, -1 if less is.
        measure: from the rows of one aspect to the answer.
    """

    aspect: str
    sentence: str
    unit: str
    chance: float
    better: int
    measure: Callable[[pd.DataFrame], Figure]

    @property
    def wanted(self) -> str:
        """``more`` or ``less``: what is better."""
        return "more" if self.better > 0 else "less"


def gain(rows: pd.DataFrame) -> Figure:
    """Mass that the other thing gains when the text names it, minus its gain with a paraphrase."""
    named, floor = (_column(rows, edit, "target_gain") for edit in (NAMES_ANOTHER, "paraphrase"))
    return crossed_figure((named - floor).to_numpy(float))


def paraphrase(rows: pd.DataFrame) -> Figure:
    """How far a paraphrase moves the map."""
    return crossed_figure(_column(rows, "paraphrase", "js_distance").to_numpy(float))


def noise(rows: pd.DataFrame) -> Figure:
    """How much farther than a paraphrase shuffled words and a made-up word move the map, the mean of both."""
    floor = _column(rows, "paraphrase", "js_distance")
    moved = pd.concat({edit: _column(rows, edit, "js_distance") - floor for edit in NULLS}, axis=1)
    return crossed_figure(moved.mean(axis=1).to_numpy(float))


def right(rows: pd.DataFrame) -> Figure:
    """Share of the pictures whose class is predicted with the own text."""
    return crossed_figure(_column(rows, "original", "right").to_numpy(float))


def told_apart(rows: pd.DataFrame) -> Figure:
    """AUROC of the other thing's gain when it is named, against its gains with texts that should move nothing; pictures are resampled."""
    table = pd.concat(
        {edit: _column(rows, edit, "target_gain") for edit in (NAMES_ANOTHER, "paraphrase", *NULLS)}, axis=1
    )
    values = table.to_numpy(float)
    known = values[np.isfinite(values[:, :2]).all(1)]  # shuffling does not apply to a text of one word
    if len(known) < 2:
        return Figure(None, None, len(known), 1, len(values) - len(known))
    rng = np.random.default_rng(0)
    drawn = [_auroc(known[rng.integers(len(known), size=len(known))]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(_auroc(known), (float(low), float(high)), len(known), 1, len(values) - len(known))


def _auroc(values: Float[np.ndarray, "n edits"]) -> float:
    return auroc(values[:, 0], values[:, 1:].ravel())


def _column(rows: pd.DataFrame, edit: str, value: str) -> pd.Series:
    return rows[rows["edit"] == edit].set_index("key")[value]


QUESTIONS: dict[str, Question] = {
    "goes where named": Question(
        "name",
        "How much of the map's mass goes to a thing when the text names it?",
        "share of the map's mass",
        0.0,
        1,
        gain,
    ),
    "follows place": Question(
        "place", "How much goes to a thing when the text says where it is?", "share of the map's mass", 0.0, 1, gain
    ),
    "follows colour": Question(
        "colour", "How much goes to a thing when the text says its colour?", "share of the map's mass", 0.0, 1, gain
    ),
    "goes to the one there": Question(
        "two",
        "How much goes to a thing when the text names it or something that is not there?",
        "share of the map's mass",
        0.0,
        1,
        gain,
    ),
    "finds which is there": Question(
        "two",
        "How often is the answer right when the text names two things, of which one is there?",
        "share of the pictures",
        0.5,
        1,
        right,
    ),
    "stays on paraphrase": Question(
        "name", "How far does the map move when the text says the same?", "Jensen-Shannon distance", 0.0, -1, paraphrase
    ),
    "ignores noise": Question(
        "name", "How much farther with shuffled words and a made-up word?", "Jensen-Shannon distance", 0.0, -1, noise
    ),
    "told apart": Question(
        "name", "How well do naming texts stand out from texts that should move nothing?", "AUROC", 0.5, 1, told_apart
    ),
}

FOLLOWS = "told apart"
DECIDES = "finds which is there"
HONEST = 0.6
"""Of ``FOLLOWS``, above which, with its whole interval, a map follows what the text names; below it, with its whole interval, it does not.
Of ``DECIDES``, below which, with its whole interval, the picture hardly decides."""
