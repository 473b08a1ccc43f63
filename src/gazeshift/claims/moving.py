"""How maps move with the text: C3, they follow it, and C5, they move when they should and only then."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from gazeshift.claims.support import Evidence, Support, nothing
from gazeshift.claims.tables import Cells, Tables
from gazeshift.edits import NULLS
from gazeshift.edits.telling import telling

_ABOUT_SOMETHING_ELSE = ("other-object", "other-class")
FLOORS = ("paraphrase", "shuffle", "same-class", "other-class-same-length", "random-words", "empty")

NULL_MARGIN = 0.05
"""Jensen-Shannon distance beyond a paraphrase's within which such an edit counts as moving nothing; C3's margin."""

QUANTILE = 0.95
"""Of the paraphrases' gains: what a region must gain beyond for an image to count as moved."""

CONTROLS = {"shuffled": "shuffled-text control", "late": "late fusion"}
"""Roles of models whose text has nothing to do with the picture, or cannot re-weight it."""


def about_something_else(rows: pd.DataFrame) -> str | None:
    """The edit whose texts are about something else than the pair's own, by rows of maps; None if there is none.

    Another thing in the picture, or a text of another class where few pictures have another thing with a name.
    """
    return telling(Counter(map(str, rows["edit"])), _ABOUT_SOMETHING_ELSE)


def follows(tables: Tables) -> Evidence:
    """C3."""
    edit = about_something_else(tables.of(tables.changes, "fusion"))
    if edit is None or tables.edit("fusion", "paraphrase").empty:
        return nothing(
            "the study needs the edit 'paraphrase' and one about something else (other-object or other-class)"
        )
    moved = tables.edit("fusion", edit)

    def above(floor: str) -> Cells:
        return tables.difference(moved, tables.edit("fusion", floor), "js_distance")

    retrained = tables.of(tables.retrained, "fusion")
    floors = [
        Support(f"above {floor}", f"the same distance above that of the edit {floor!r}", above(floor))
        for floor in FLOORS[1:]
        if floor != edit and len(tables.edit("fusion", floor))
    ]
    return Evidence(
        above("paraphrase"),
        (
            *floors,
            Support(
                "told from a paraphrase",
                "probability that such a text moves a map farther than a paraphrase moves one of the same class, above one half",
                tables.separation(moved, tables.edit("fusion", "paraphrase"), "js_distance"),
                unit="AUROC above 0.5",
            ),
            Support(
                "above retraining",
                "the same distance above that between two training seeds, own texts",
                tables.difference(moved, retrained, "js_distance"),
            ),
            Support(
                "switch",
                "bits of the divergence that come with a switch of the predicted class",
                tables.cells(moved, "switch"),
                unit="bits",
            ),
            Support(
                "within class",
                "bits that come from re-weighting what is seen for the same class",
                tables.cells(moved, "within"),
                unit="bits",
            ),
            Support(
                "within class above paraphrase",
                "the same above a paraphrase's",
                tables.difference(moved, tables.edit("fusion", "paraphrase"), "within"),
                unit="bits",
            ),
            *_label_prompt(tables, edit),
        ),
        notes=(f"the changed text is that of the edit {edit!r}",),
    )


def _label_prompt(tables: Tables, edit: str) -> list[Support]:
    """Is the text more than a label? How far the fusion map moves between two classes against the image-only map between the same two."""
    rows = tables.prompts
    if rows.empty:
        return []
    rows = rows[rows["edit"] == edit]
    return [
        Support(
            "label-prompt null",
            "distance of the fusion maps minus that of the image-only maps of the same two classes, where the class switched",
            tables.cells(rows.assign(gap=rows["fusion"] - rows["image"]), "gap"),
        ),
        Support(
            "label-prompt maps",
            "distance of the fusion map after the switch from the image-only map of the same class",
            tables.cells(rows, "apart"),
        ),
    ]


def moves_when_it_should(tables: Tables) -> Evidence:
    """C5."""
    named, floor = _naming(tables, "fusion"), _unnamed(tables, "fusion", "paraphrase")
    if named.empty or floor.empty:
        return nothing(
            "the study needs the edit 'paraphrase', and texts that name another region of the same picture (other-object, or a column of "
            "your own) with masks"
        )
    nulls = [edit for edit in NULLS if len(_unnamed(tables, "fusion", edit))]
    return Evidence(
        tables.difference(named, floor, "target_gain"),
        (
            *(_above(tables, named, edit) for edit in nulls),
            *(_stays(tables, edit) for edit in nulls),
            *_told_apart(tables, "fusion", named, nulls),
            *(_control(tables, role, words) for role, words in CONTROLS.items()),
        ),
        notes=(
            f"texts that name a region: {', '.join(dict.fromkeys(named['edit']))}; that should move nothing: "
            f"{', '.join(('paraphrase', *nulls))}",
        ),
    )


def _naming(tables: Tables, role: str) -> pd.DataFrame:
    """Rows of the texts that name another region than the pair's own text, one for each image."""
    rows = tables.of(tables.changes, role)
    if "naming" not in rows:  # a run from before this was measured
        return rows.iloc[:0]
    return rows[rows["naming"] == 1].drop_duplicates(["seed", "key"])


def _unnamed(tables: Tables, role: str, edit: str) -> pd.DataFrame:
    """Rows of an edit that names no other region, on the images with texts that do."""
    rows = tables.edit(role, edit)
    return rows[rows["naming"] == 0] if "naming" in rows else rows.iloc[:0]


def _above(tables: Tables, named: pd.DataFrame, edit: str) -> Support:
    return Support(
        f"above {edit}",
        f"what the named region gains when the text names it, minus its gain with the edit {edit!r}",
        tables.difference(named, _unnamed(tables, "fusion", edit), "target_gain"),
        "interval",
    )


def _stays(tables: Tables, edit: str) -> Support:
    return Support(
        f"{edit} moves no more than a paraphrase",
        f"Jensen-Shannon distance that the edit {edit!r} moves the map, minus that of a paraphrase, all images",
        tables.difference(tables.edit("fusion", edit), tables.edit("fusion", "paraphrase"), "js_distance"),
        "null",
        "Jensen-Shannon distance (0 to 1)",
        NULL_MARGIN,
    )


def _told_apart(tables: Tables, role: str, named: pd.DataFrame, nulls: Sequence[str]) -> list[Support]:
    """Sensitivity and specificity at the 95th percentile of the paraphrases' gains, and the AUROC, which needs no threshold."""
    floor = _unnamed(tables, role, "paraphrase")
    high = floor.groupby("seed")["target_gain"].quantile(QUANTILE).rename("high")
    quiet = [_unnamed(tables, role, edit) for edit in nulls]
    still = pd.concat([floor, *quiet])

    def share(rows: pd.DataFrame, above: bool) -> Cells:
        known = rows[rows["target_gain"].notna()].join(high, on="seed")
        moved = known["target_gain"] > known["high"]
        return tables.cells(known.assign(share=(moved if above else ~moved).astype(float)), "share")

    percentile = f"the {100 * QUANTILE:.0f}th percentile of the gains with paraphrases"
    supports = [
        Support(
            "sensitivity",
            f"images whose named region gains more than {percentile}",
            share(named, True),
            unit="share of the images",
        ),
        Support(
            "told from texts that should move nothing",
            "probability that the named region gains more than with such a text, above one half",
            tables.separation(named, still, "target_gain"),
            unit="AUROC above 0.5",
        ),
    ]
    if quiet:
        words = "texts that should move nothing, without the paraphrases, with which the region gains no more than that"
        found = Support("specificity", words, share(pd.concat(quiet), False), unit="share of the texts")
        supports.insert(1, found)
    return supports


def _control(tables: Tables, role: str, words: str) -> Support:
    named, floor = _naming(tables, role), _unnamed(tables, role, "paraphrase")
    return Support(words, f"the claim's own contrast for the {words}", tables.difference(named, floor, "target_gain"))
