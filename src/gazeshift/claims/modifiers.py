"""What single words do to a map: C4a, colour words widen it, and C4b, they move it more than position words."""

from gazeshift.claims.support import Evidence, Support, nothing
from gazeshift.claims.tables import Cells, Tables
from gazeshift.edits import ColumnTexts


def widens(tables: Tables) -> Evidence:
    """C4a."""
    if why := _no_modifiers(tables):
        return nothing(why, tuple(_own_columns(tables, "coverage_change")))
    kinds = _kinds(tables, "coverage_change")
    colour = kinds["colour"]
    return Evidence(
        colour,
        (
            Support("above nonsense", "the same above that of a made-up word", colour.minus(kinds["nonsense"]), "sign"),
            *(
                Support(f"above {kind}", f"the same above that of a {kind} word", colour.minus(cells))
                for kind, cells in kinds.items()
                if kind not in {"colour", "nonsense"}
            ),
            *_by_truth(tables, "coverage_change"),
            *_own_columns(tables, "coverage_change"),
        ),
    )


def matters_more(tables: Tables) -> Evidence:
    """C4b."""
    if why := _no_modifiers(tables):
        return nothing(why, tuple(_own_columns(tables, "js_distance")))
    kinds = _kinds(tables, "js_distance")
    within = _kinds(tables, "within")
    return Evidence(
        kinds["colour"].minus(kinds["position"]),
        (
            *(
                Support(f"{kind} above nonsense", f"{kind} words minus made-up words", cells.minus(kinds["nonsense"]))
                for kind, cells in kinds.items()
                if kind != "nonsense"
            ),
            Support(
                "within class",
                "colour minus position, the within-class part in bits",
                within["colour"].minus(within["position"]),
                unit="bits",
            ),
            *_by_truth(tables, "js_distance"),
            *_own_columns(tables, "js_distance"),
        ),
    )


def _no_modifiers(tables: Tables) -> str:
    rows = tables.of(tables.modifiers, "fusion")
    return "the study asks for no modifiers (explain.modifiers)" if rows.empty else ""


def _kinds(tables: Tables, value: str) -> dict[str, Cells]:
    """Cells by kind of word: first the kinds that are compared, then the lexicon's others."""
    rows = tables.of(tables.modifiers, "fusion")
    others = sorted(set(rows["kind"]) - {"colour", "position", "nonsense"})
    return {
        kind: tables.cells(rows[rows["kind"] == kind], value) for kind in ("colour", "position", *others, "nonsense")
    }


def _by_truth(tables: Tables, value: str) -> list[Support]:
    """Colours that the scene has, where it is known."""
    rows = tables.of(tables.modifiers, "fusion")
    colours = rows[rows["kind"] == "colour"]
    return [
        Support(
            f"colour {truth}", f"colour words that are {words}", tables.cells(colours[colours["truth"] == truth], value)
        )
        for truth, words in (
            ("true", "true of the referred object"),
            ("elsewhere", "true of another object"),
            ("absent", "true of none"),
        )
        if (colours["truth"] == truth).any()
    ]


def _own_columns(tables: Tables, value: str) -> list[Support]:
    """The user's own texts whose kind says whether their words are true, each above a paraphrase; and true against false ones."""
    fusion = tables.of(tables.changes, "fusion")
    named = ((ColumnTexts("", str(edit)).truth, str(edit)) for edit in dict.fromkeys(fusion["edit"]))
    own = {truth: edit for truth, edit in named if truth is not None}
    floor, what = tables.edit("fusion", "paraphrase"), value.replace("_", " ")
    supports = []
    for (truth, kind), edit in own.items():
        rows, true = tables.edit("fusion", edit), own.get(("true", kind))
        words = f"{what} with such a text minus with a paraphrase"
        supports.append(Support(f"{edit} texts", words, tables.difference(rows, floor, value)))
        if truth != "true" and true is not None:
            words = f"{what} with {edit} texts minus with {true} texts, same images"
            contrast = tables.difference(rows, tables.edit("fusion", true), value)
            supports.append(Support(f"{truth} minus true {kind}", words, contrast))
    return supports
