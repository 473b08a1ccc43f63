"""How much of where a model looks is habit: the centre, the frame, what its maps have in common."""

from dataclasses import dataclass

from gazeshift.measures import Figure
from gazeshift.report.information import static_share
from gazeshift.report.means import over_images
from gazeshift.report.store import FinishedRun
from gazeshift.report.words import HABIT_COLUMNS, Column


@dataclass(frozen=True)
class Habits:
    """Figures by model and column; ``columns`` are those for which some model has a figure."""

    columns: list[Column]
    rows: dict[str, dict[str, Figure]]


def habits(run: FinishedRun) -> Habits | None:
    """Centre bias three ways, static share and equivariance slope; None if the run only has the first."""
    own = run.measures[run.measures["edit"] == "original"]
    slopes = run.more["equivariance"]
    rows = {}
    for model in run.model_names(sees_image=True):
        mine = own[own["model"] == model]
        rows[model] = {
            **{
                column.name: over_images(mine, column.name)
                for column in HABIT_COLUMNS
                if column.name.startswith("centre")
            },
            "static_share": static_share(run, model),
            "slope": over_images(slopes[slopes["model"] == model], "slope"),
        }
    columns = [column for column in HABIT_COLUMNS if any(row[column.name].n for row in rows.values())]
    return Habits(columns, rows) if any(column.name != "centre_bias" for column in columns) else None
