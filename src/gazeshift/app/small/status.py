"""What the page is told of a small study, as plain data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from gazeshift.runs.summary import Summary

MOVED = "js_distance"
"""How far the map moved: the measure of the page's table."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(_Data):
    """A model's headline numbers; None where undefined.

    Attributes:
        model: its name in the study.
        accuracy: on the test pairs.
        pairs: test pairs.
        moved: mean Jensen-Shannon distance of its map, 0 to 1, by changed text, in the order of ``Found.edits``.
    """

    model: str
    accuracy: float | None
    pairs: int
    moved: tuple[float | None, ...]


class Found(_Data):
    """What the study found.

    Attributes:
        sentences: the report's answer.
        edits: changed texts.
        rows: of all models.
        explained: pictures that were explained, at most, over the changed texts.
    """

    sentences: tuple[str, ...]
    edits: tuple[str, ...]
    rows: tuple[Row, ...]
    explained: int


class Status(_Data):
    """Where a small study stands.

    Attributes:
        state: ``gathering`` files; ``running``; ``done``; ``failed``.
        table: whether there is a table.
        pictures: how many pictures there are.
        done: finished steps.
        total: steps.
        now: the step that runs.
        seconds: since the start.
        rest: estimated seconds to the end.
        missing: rows left out, because their pictures are missing.
        error: why it failed.
        found: what it found.
    """

    state: Literal["gathering", "running", "done", "failed"]
    table: bool
    pictures: int
    done: int = 0
    total: int = 0
    now: str | None = None
    seconds: float = 0.0
    rest: float | None = None
    missing: int = 0
    error: str | None = None
    found: Found | None = None


def found_in(summary: Summary) -> Found:
    """The headline numbers of a finished study."""
    edits = tuple(dict.fromkeys(name for figures in summary.edits.values() for name in figures))
    rows = []
    for model, splits in summary.accuracy.items():
        own = summary.edits.get(model, {})
        figures = [own.get(name, {}).get(MOVED) for name in edits]
        moved = tuple(None if figure is None else figure.mean for figure in figures)
        rows.append(Row(model=model, accuracy=splits["test"].mean, pairs=splits["test"].n, moved=moved))
    counted = [
        figure.n + figure.left_out
        for own in summary.edits.values()
        for each in own.values()
        for figure in each.values()
    ]
    return Found(sentences=summary.headline, edits=edits, rows=tuple(rows), explained=max(counted, default=0))
