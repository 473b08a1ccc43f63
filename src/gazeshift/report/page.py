"""The page: everything a template needs, and the rendering itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gazeshift.claims.roles import ROLES
from gazeshift.claims.verdict import Verdict
from gazeshift.drawing.overlay import Quality
from gazeshift.edits.telling import telling
from gazeshift.measures import Figure
from gazeshift.report import words
from gazeshift.report.claims import forests, primary_axes
from gazeshift.report.classes import Ranking
from gazeshift.report.comparisons import comparison_axis
from gazeshift.report.distributions import Distribution
from gazeshift.report.effects import Effects
from gazeshift.report.environment import page_environment
from gazeshift.report.habit import Habits
from gazeshift.report.information import Information
from gazeshift.report.model_checks import panels
from gazeshift.report.published import published
from gazeshift.report.samples import Sample
from gazeshift.report.store import FinishedRun, MeanMap
from gazeshift.report.structures import Structures
from gazeshift.runs.summary import applied

CSV_NAMES = (
    "claims", "table1", "table2", "table3", "edits", "maps", "masks", "modifiers", "information", "models", "classes", "distributions",
    "modelchecks", "comparisons", "structures", "checks",
)  # fmt: skip


@dataclass(frozen=True)
class KeyNumber:
    """A figure of the first section."""

    title: str
    figure: Figure
    kind: str
    note: str


@dataclass(frozen=True)
class Content:
    """The content of the page, apart from the encoding of its pictures."""

    run: FinishedRun
    verdicts: Sequence[Verdict]
    look: Sequence[Sample]
    edit: Sequence[Sample]
    edit_distributions: Sequence[Distribution]
    centre_distribution: Distribution | None
    effects: Sequence[Effects]
    habits: Habits | None
    information: Sequence[Information]
    mean_maps: Sequence[MeanMap]
    ranking: Ranking | None
    structures: Structures | None


def render(content: Content, quality: Quality, notes: Sequence[str] = ()) -> str:
    """The page as HTML.

    Args:
        content: from the run folder.
        quality: of the pictures.
        notes: caveats about the page itself.
    """
    run = content.run
    environment = page_environment(quality)
    context = {
        "run": run.record,
        "seed": run.first_seed,
        "headline": run.summary.headline,
        "verdicts": content.verdicts,
        "panels": panels(run),
        "forests": forests(content.verdicts),
        "primary_axes": primary_axes(content.verdicts),
        "figures": run.summary,
        "checks": run.summary.checks,
        "comparisons": run.summary.comparisons,
        "comparison_axis": comparison_axis(run.summary.comparisons),
        "edits": run.edits,
        "texts_changed": len(run.edits) > 1 and bool(run.model_names(sees_image=True, reads_text=True)),
        "study": run.study,
        "edit_words": words.edit_words(run.summary.columns),
        "columns": run.summary.columns,
        "key_numbers": key_numbers(run),
        "splits": _splits(run),
        "majority": _majority(run),
        "lead": run.lead,
        "roles": run.roles,
        "role_words": {role: wanted.words for role, wanted in ROLES.items()},
        "published": published(run.record.classes),
        "look_groups": _by_reason(content.look[: quality.most]),
        "edit_samples": content.edit[: quality.most],
        "left_out": {"2": _left_out(content.look, quality), "3": _left_out(content.edit, quality)},
        "edit_distributions": content.edit_distributions,
        "centre_distribution": content.centre_distribution,
        "effects": content.effects,
        "habits": content.habits,
        "information": content.information,
        "mean_maps": content.mean_maps,
        "ranking": content.ranking,
        "structures": content.structures,
        "edit_columns": _edit_columns(run),
        "facts": list(_flat(run.record.model_dump(mode="json", include={"data", "preprocessing", "recipes"}))),
        "notes": [*_undrawn(run), *notes],
        "csv_names": CSV_NAMES,
    }
    return environment.get_template("report.html.j2").render(context)


def _undrawn(run: FinishedRun) -> list[str]:
    """What Tables 2 and 3 do not show."""
    if len(run.drawn) == len(run.models):
        return []
    return [
        f"Tables 2 and 3 show {len(run.drawn)} of the {len(run.models)} models: {run.lead}, those with its trunk and its encoder, and "
        "those that play a role. "
        "All are in every other table."
    ]


def key_numbers(run: FinishedRun) -> list[KeyNumber]:
    """The figures that answer the question, as far as the study has them."""
    lead = run.lead or run.model_names(sees_image=True)[0]
    image, text = run.roles.without_text(lead), run.roles.without_image(lead)
    accuracy, maps = run.summary.accuracy, run.summary.maps
    edits = run.summary.edits.get(lead, {})
    edit = telling(applied(edits))
    models = list(dict.fromkeys(name for name in (image, text, lead) if name is not None))
    wanted = [
        *((f"Accuracy, {name}", accuracy.get(name, {}).get("test"), "percent", "test pairs") for name in models),
        ("What the text adds", run.summary.gap.get(lead), "points", f"points above {image}"),
        (
            f"Map moved: {words.edit_words(run.summary.columns).get(edit or '', edit)}",
            edits.get(edit or "", {}).get("js_bits"),
            "bits",
            "JS, bits",
        ),
        ("Map moved: paraphrase", edits.get("paraphrase", {}).get("js_bits"), "bits", "JS, bits: noise floor"),
        *(
            (f"Centre bias, {name}", maps.get(name, {}).get("centre_bias"), "index", "1 centre, 0 uniform")
            for name in models
        ),
    ]
    return [KeyNumber(title, figure, kind, note) for title, figure, kind, note in wanted if isinstance(figure, Figure)]


def _splits(run: FinishedRun) -> list[str]:
    found = [split for by_split in run.summary.accuracy.values() for split in by_split]
    known = [split for split in ("train", "validation", "test") if split in found]
    return known + sorted(set(found) - set(known))


def _majority(run: FinishedRun) -> float | None:
    """The share of the most frequent class among the test pairs: the accuracy of a constant prediction."""
    test = run.predictions[run.predictions["split"] == "test"].drop_duplicates("key")
    return float(test["label"].value_counts(normalize=True).iloc[0]) if len(test) else None


def _by_reason(samples: Sequence[Sample]) -> list[tuple[str, list[Sample]]]:
    return [(reason, list(group)) for reason, group in groupby(samples, key=lambda sample: sample.reason)]


def _left_out(samples: Sequence[Sample], quality: Quality) -> int:
    return 0 if quality.most is None else max(0, len(samples) - quality.most)


def _edit_columns(run: FinishedRun) -> list[words.Column]:
    """The columns for which at least one edit of one model has a figure with a mean."""
    by_edit = [figures for edits in run.summary.edits.values() for figures in edits.values()]
    present = {name for figures in by_edit for name, figure in figures.items() if figure.mean is not None}
    return [column for column in words.EDIT_COLUMNS if column.name in present]


def _flat(node: Any, name: str = "") -> Sequence[tuple[str, Any]]:
    """Nested settings as (dotted name, value) pairs."""
    if isinstance(node, dict) and node:
        return [pair for key, child in node.items() for pair in _flat(child, f"{name}.{key}" if name else str(key))]
    if isinstance(node, list) and all(not isinstance(item, (dict, list)) for item in node):
        return [(name, ", ".join(str(item) for item in node))]
    return [(name, node)]
