"""The evidence for each claim: its primary contrast, the contrasts that must agree with it, and others worth seeing. One dict of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gazeshift.claims.register import CLAIMS
from gazeshift.claims.tables import Cells, Tables
from gazeshift.claims.verdict import Needed
from gazeshift.measures import static_share

ABOUT_SOMETHING_ELSE = ("other-object", "other-class")
FLOORS = ("paraphrase", "shuffle", "same-class", "other-class-same-length", "random-words", "empty")


@dataclass(frozen=True)
class Support:
    """A further contrast.

    Attributes:
        name: a short name.
        sentence: what is contrasted; above 0 supports the claim.
        cells: its cell means.
        unit: unit of the contrast; empty if it is the claim's own.
        needed: ``sign``: the claim holds only if this mean is above 0; ``interval``: only if this interval is; ``no``: never.
    """

    name: str
    sentence: str
    cells: Cells
    needed: Needed = "no"
    unit: str = ""


@dataclass(frozen=True)
class Evidence:
    """The evidence for a claim: ``missing`` says in a sentence why it cannot be tested, or is empty."""

    primary: Cells
    supports: tuple[Support, ...] = ()
    missing: str = ""
    notes: tuple[str, ...] = ()


def _nothing(why: str) -> Evidence:
    return Evidence(Cells(np.full((1, 1), np.nan), np.zeros(1, int)), missing=why)


def accuracy(tables: Tables) -> Evidence:
    """C0."""

    def gap(first: str, second: str) -> Cells:
        return tables.difference(tables.test(first), tables.test(second), "correct")

    return Evidence(
        gap("fusion", "image"),
        (
            Support("over text only", "accuracy of early fusion minus text only", gap("fusion", "text")),
            Support("late fusion", "accuracy of late fusion minus image only", gap("late", "image")),
            Support("head alone", "accuracy of image MLP minus image only (linear)", gap("mlp", "image")),
            Support(
                "empty-text control", "accuracy of early fusion minus its empty-text control", gap("fusion", "constant")
            ),
            Support(
                "shuffled-text control",
                "accuracy of early fusion minus its shuffled-text control",
                gap("fusion", "shuffled"),
            ),
        ),
    )


def centre_bias(tables: Tables) -> Evidence:
    """C1."""
    image, fusion = tables.own("image"), tables.own("fusion")
    both = image.merge(fusion, on=["seed", "key"], suffixes=("", "_fusion"))
    same = both[both["predicted"] == both["predicted_fusion"]]
    right = same[same["predicted"] == same["label"]]

    def gap(first: str, second: str, value: str = "centre_bias") -> Cells:
        return tables.difference(tables.own(first), tables.own(second), value)

    def where(rows: pd.DataFrame) -> Cells:
        return tables.cells(rows.assign(gap=rows["centre_bias"] - rows["centre_bias_fusion"]), "gap")

    return Evidence(
        gap("image", "fusion"),
        (
            *_independent(tables),
            Support(
                "ladder: empty-text control",
                "centre bias of the empty-text control minus early fusion",
                gap("constant", "fusion"),
                "interval",
            ),
            Support(
                "ladder: shuffled-text control",
                "centre bias of the shuffled-text control minus early fusion",
                gap("shuffled", "fusion"),
                "interval",
            ),
            Support(
                "other side of the affine",
                "the same contrast on the grid as the network made it",
                gap("image", "fusion", "centre_bias_other_side"),
                "sign",
            ),
            Support(
                "true class",
                "the same contrast for maps of the true class",
                gap("image", "fusion", "centre_bias_label"),
            ),
            Support("same class", "the same contrast where both models predict the same class", where(same)),
            Support("both right", "the same contrast where both models are right", where(right)),
            Support("head alone", "centre bias of image only minus image MLP", gap("image", "mlp")),
        ),
    )


def _independent(tables: Tables) -> list[Support]:
    """The same question asked by two measures that share no arithmetic with the centre bias."""
    own = tables.information[tables.information["texts"] == "own"] if len(tables.information) else tables.information
    static = (
        own.assign(share=static_share(own["static"].to_numpy(float), own["total"].to_numpy(float))) if len(own) else own
    )
    shares = [tables.cells(tables.of(static, role), "share") for role in ("image", "fusion")]
    share = shares[0].minus(shares[1])
    slopes = [tables.cells(tables.of(tables.equivariance, role), "slope") for role in ("fusion", "image")]
    return [
        Support(
            "static share",
            "share of the maps' information shared by all images of a class: image only minus fusion",
            share,
            "sign",
            "share of the maps' information",
        ),
        Support(
            "equivariance",
            "slope of the map's displacement on the crop's: fusion minus image only",
            slopes[0].minus(slopes[1]),
            "sign",
            "slope (1 follows the content, 0 the frame)",
        ),
    ]


def localisation(tables: Tables) -> Evidence:
    """C2."""
    fusion, image = (tables.own(role) for role in ("fusion", "image"))
    if fusion["mask_excess"].isna().all():
        return _nothing("these data have no masks, so what the text refers to is unknown; Plates has masks")
    return Evidence(
        tables.difference(fusion, image, "mask_excess"),
        (
            Support(
                "fusion alone",
                "mass in the own mask minus other images' masks, early fusion",
                tables.cells(fusion, "mask_excess"),
                "interval",
            ),
            Support("image alone", "the same of image only", tables.cells(image, "mask_excess")),
            Support(
                "named object",
                "mass that another object of the scene gains when the text names it",
                tables.cells(tables.edit("fusion", "other-object"), "named_mass_change"),
            ),
        ),
    )


def follows(tables: Tables) -> Evidence:
    """C3."""
    edit = next((name for name in ABOUT_SOMETHING_ELSE if len(tables.edit("fusion", name))), None)
    if edit is None or tables.edit("fusion", "paraphrase").empty:
        return _nothing(
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


def widens(tables: Tables) -> Evidence:
    """C4a."""
    if why := _no_modifiers(tables):
        return _nothing(why)
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
        ),
    )


def matters_more(tables: Tables) -> Evidence:
    """C4b."""
    if why := _no_modifiers(tables):
        return _nothing(why)
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


EVIDENCE: dict[str, Callable[[Tables], Evidence]] = {
    "C0": accuracy,
    "C1": centre_bias,
    "C2": localisation,
    "C3": follows,
    "C4a": widens,
    "C4b": matters_more,
}


def evidence_for(claim: str, tables: Tables) -> Evidence:
    """The evidence for a claim, with the same contrast for every other model that could play one of its roles."""
    wanted = CLAIMS[claim].roles
    if why := tables.roles.unfit(wanted):
        return _nothing(why)
    others = [(other, tables.roles[role]) for role in wanted for other in tables.roles.others.get(role, ())]
    found = EVIDENCE[claim](tables)
    return replace(found, supports=(*found.supports, *(_instead(claim, tables, *pair) for pair in others)))


def _instead(claim: str, tables: Tables, other: str, first: str) -> Support:
    """A claim's own contrast with another model of the same kind instead of the first."""
    found = EVIDENCE[claim](replace(tables, roles=tables.roles.preferring(other)))
    return Support(f"with {other}", f"the same contrast with {other} instead of {first}", found.primary)
