"""Where models look with the pairs' own texts: C1, nearer the centre, and C2, at what the text names."""

import pandas as pd

from gazeshift.claims.support import Evidence, Support, nothing
from gazeshift.claims.tables import Cells, Tables
from gazeshift.measures import static_share

TOLD_SOMETHING_ELSE = {"empty": "no text", "other-class": "a title of another class"}
"""Edits after which the text names nothing, or something that is not there."""

AGAINST = {
    "mass above the area": ("mask_mass", "mask_area", "mass in the mask minus the mask's share of the grid, which is chance", ""),
    "mass above the location prior": ("mask_mass", "mask_prior", "mass in the mask minus that of where objects usually are", ""),
    "pointing above chance": ("pointing", "pointing_chance", "hits of the map's peak minus hits by chance", "share of the images"),
    "rank accuracy above chance": ("rank_accuracy", "mask_area", "share of the mask among as many of the highest cells minus chance",
                                   "share of the mask"),
}  # fmt: skip
"""Measures of where a map lies, each with its column, the column of what it is without looking, a sentence, and its unit."""


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
        return nothing("these data have no masks, so what the text refers to is unknown; Plates has masks")

    def between(first: pd.DataFrame, second: pd.DataFrame, value: str = "mask_excess") -> Cells:
        return tables.difference(first, second, value)

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
            *(
                Support(
                    name, f"the claim's contrast, of early fusion minus its {name}", between(fusion, tables.own(role))
                )
                for role, name in (("constant", "empty-text control"), ("shuffled", "shuffled-text control"))
            ),
            *(
                Support(
                    f"with the edit {edit}", f"early fusion with its own text minus with {words}", between(fusion, rows)
                )
                for edit, words in TOLD_SOMETHING_ELSE.items()
                if len(rows := tables.edit("fusion", edit))
            ),
            Support(
                "above a text-blind map",
                "early fusion minus a map of the same trunk that depends on no text and no class (Eigen-CAM)",
                tables.difference(fusion, fusion, "mask_excess", "blind_excess"),
            ),
            *_beside_their_chance(tables, fusion, image),
        ),
    )


def _beside_their_chance(tables: Tables, fusion: pd.DataFrame, image: pd.DataFrame) -> list[Support]:
    """Other measures of the same, each against what it is without looking, and against the image-only model."""
    found = []
    for name, (value, chance, words, unit) in AGAINST.items():
        found += [
            Support(name, f"{words}, early fusion", tables.difference(fusion, fusion, value, chance), unit=unit),
            Support(
                f"{name}, fusion minus image", f"{value.replace('_', ' ')}: early fusion minus image only",
                tables.difference(fusion, image, value), unit=unit,
            ),
        ]  # fmt: skip
    return found
