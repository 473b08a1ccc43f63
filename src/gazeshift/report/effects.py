"""How far each text moves a model's map, compared with the noise floors: changes without meaning."""

from dataclasses import dataclass

import pandas as pd

from gazeshift.edits import FLOORS, SAME_MEANING
from gazeshift.measures import Figure
from gazeshift.report.axis import Axis
from gazeshift.report.means import over_images, over_seeds
from gazeshift.report.store import FinishedRun
from gazeshift.report.words import MODIFIER_WORDS, edit_words

RETRAINING = "retraining"
MODIFIERS = "One word before the bare class name, against the bare name"


@dataclass(frozen=True)
class Effect:
    """A Jensen-Shannon distance (0 to 1): the name of what moved the map, in words, how far, and whether it is a floor."""

    name: str
    words: str
    figure: Figure
    floor: bool = False


@dataclass(frozen=True)
class Effects:
    """Of one model.

    Attributes:
        model: its name.
        axis: the same for all models.
        groups: heading and effects: floors, changed texts, modifiers by kind; only those in the run.
    """

    model: str
    axis: Axis
    groups: list[tuple[str, list[Effect]]]

    @property
    def floors(self) -> list[Effect]:
        """The floors that were measured."""
        return [
            effect for _, group in self.groups for effect in group if effect.floor and effect.figure.mean is not None
        ]

    @property
    def highest(self) -> Effect | None:
        """The highest floor that keeps the text's meaning; another class's title, for example, does not."""
        same = [effect for effect in self.floors if effect.name in (*SAME_MEANING, RETRAINING)]
        return max(same, key=lambda effect: effect.figure.mean or 0, default=None)

    @property
    def paraphrase(self) -> float | None:
        """The mean of the first of the floors, None if it was not measured."""
        return next((effect.figure.mean for effect in self.floors if effect.name == "paraphrase"), None)

    @property
    def has_modifiers(self) -> bool:
        """Whether words before the bare class name were measured."""
        return any(title == MODIFIERS for title, _ in self.groups)


def effects(run: FinishedRun) -> list[Effects]:
    """Per model that sees images and reads texts, the lead first; empty if the run holds no distances."""
    models = sorted(run.model_names(sees_image=True, reads_text=True), key=lambda name: name != run.lead)
    found = {model: groups for model in models if (groups := _groups(run, model))}
    reaches = [
        value
        for groups in found.values()
        for _, group in groups
        for effect in group
        if effect.figure.mean is not None
        for value in (effect.figure.mean, *(effect.figure.interval or ()))
    ]
    axis = Axis.holding(reaches, start=0.0)
    return [Effects(model, axis, groups) for model, groups in found.items()]


def retraining(run: FinishedRun, model: str) -> Figure:
    """Distance between the maps of one image from two training seeds, own text."""
    rows = run.more["retrained"]
    return over_images(rows[rows["model"] == model], "js_distance")


def kinds_of_modifiers(run: FinishedRun, model: str) -> dict[str, pd.DataFrame]:
    """The modifiers' rows of one model by kind, in the order of ``MODIFIER_WORDS``."""
    rows = run.more["modifiers"]
    rows = rows[rows["model"] == model]
    known = [kind for kind in MODIFIER_WORDS if (rows["kind"] == kind).any()]
    others = [str(kind) for kind in rows["kind"].unique() if kind not in known]
    return {kind: rows[rows["kind"] == kind] for kind in [*known, *others]}


def words_of_modifiers(rows: pd.DataFrame, value: str) -> dict[str, Figure]:
    """Of one kind: a mean per word; intervals over the training seeds."""
    found = {}
    for word, part in rows.groupby("word", sort=False):
        known = part.assign(key=part["key"].where(part[value].notna())).groupby("seed")
        found[str(word)] = over_seeds(known[value].mean().tolist(), known["key"].nunique().tolist())
    return found


def _groups(run: FinishedRun, model: str) -> list[tuple[str, list[Effect]]]:
    measured = {
        edit: figures["js_distance"]
        for edit, figures in run.summary.edits.get(model, {}).items()
        if "js_distance" in figures
    }
    if not measured:
        return []
    known = edit_words(run.summary.columns)
    floors = [Effect(edit, known.get(edit, ""), measured[edit], floor=True) for edit in FLOORS if edit in measured]
    retrained = retraining(run, model)
    if retrained.n:
        words = "the same model from another training seed, own text"
        floors.append(Effect(RETRAINING, words, retrained, floor=True))
    texts = [Effect(edit, known.get(edit, ""), figure) for edit, figure in measured.items() if edit not in FLOORS]
    modifiers = [
        Effect(kind, MODIFIER_WORDS.get(kind, ""), over_images(rows, "js_distance"))
        for kind, rows in kinds_of_modifiers(run, model).items()
    ]
    groups = [("Floors", floors), ("Changed texts", texts), (MODIFIERS, modifiers)]
    return [(title, group) for title, group in groups if group]
