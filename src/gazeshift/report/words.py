"""The page's wording: columns of its tables and one line for each known edit."""

from collections.abc import Mapping
from dataclasses import dataclass

from gazeshift.edits import EDITS
from gazeshift.runs.summary import ColumnFacts


@dataclass(frozen=True)
class Column:
    """A column of figures: the name in ``summary.json``, its title on the page, and how its numbers are shown."""

    name: str
    title: str
    kind: str


EDIT_COLUMNS = (
    Column("js_bits", "JS, bits", "bits"),
    Column("excess", "JS above paraphrase", "signed"),
    Column("switch", "class switch, bits", "bits"),
    Column("within", "within class, bits", "bits"),
    Column("switched", "class switched", "percent"),
    Column("named_mass_change", "mass on named dish, change", "signed"),
    Column("centre_bias_change", "centre bias, change", "signed"),
    Column("coverage_change", "coverage, change", "signed"),
    Column("confidence_change", "confidence, change", "signed"),
    Column("undefined", "undefined", "percent"),
    Column("unchanged", "text unchanged", "percent"),
)

MAP_COLUMNS = (
    Column("centre_bias", "centre bias", "index"),
    Column("coverage", "coverage", "index"),
    Column("undefined", "undefined maps", "percent"),
)

MASK_COLUMNS = (
    Column("mass", "mass in the mask", "percent"),
    Column("area", "area of the mask", "percent"),
    Column("lift", "lift (mean of mass / area)", "times"),
    Column("other", "in other images' masks", "percent"),
)

HABIT_COLUMNS = (
    Column("centre_bias", "centre bias, predicted class", "bits"),
    Column("centre_bias_label", "centre bias, true class", "bits"),
    Column("centre_bias_other_side", "centre bias, other side of the affine", "bits"),
    Column("static_share", "static share", "bits"),
    Column("slope", "equivariance slope", "bits"),
)

MODIFIER_WORDS = {
    "colour": "a colour word",
    "position": "a position word",
    "material": "a material word",
    "filler": "a word that says nothing about the picture",
    "nonsense": "a made-up word",
}

TEXTS_WORDS = {
    "own": "the pair’s own text",
    "changed": "own and changed texts",
    "floor": "own texts and equally many floors",
    "constant": "empty-text control: trained and evaluated with the empty text",
    "shuffled": "shuffled-text control: trained on texts of other pairs",
}
"""Which texts an information split covers; and which texts a model was trained on, where they are not the pairs' own."""


TOLD_NOTHING = "told the empty text, whatever the pair’s"
"""Of a given model, which was not trained on any."""


def edit_words(columns: Mapping[str, ColumnFacts]) -> dict[str, str]:
    """What the texts of each edit are, by its name: ours, and the user's own columns."""
    return {name: edit.description for name, edit in EDITS.items()} | {
        name: facts.description for name, facts in columns.items()
    }


VERDICT_MARKS = {"supported": "✓", "not supported": "✗", "undecided": "?", "not testable": "–"}

NEEDED_WORDS = {
    "primary": "the claim’s own contrast",
    "sign": "must be above 0",
    "interval": "its interval must be above 0",
    "null": "must be shown to be no effect",
    "no": "",
}

REASON_WORDS = {
    "largest difference": "Largest differences",
    "smallest difference": "Smallest differences",
    "random": "Drawn at random",
}
"""Why a sample is shown, in table order."""

DISTRIBUTION_WORDS = {"js_bits": "Jensen–Shannon divergence, bits", "centre_bias": "centre bias"}
