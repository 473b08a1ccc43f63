"""Verdicts from tables whose truth is made: rules, not judgement."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from gazeshift.claims.evidence import EVIDENCE
from gazeshift.claims.judge import judge
from gazeshift.claims.register import CLAIMS, MIN_SEEDS
from gazeshift.claims.roles import ROLES, Player, Roles
from gazeshift.claims.tables import Tables

CLASSES = ["pie", "rice", "soup", "sushi", "taco", "tart"]
PARTS = {"image": "image-only", "fusion": "early-fusion", "constant": "empty-text", "shuffled": "shuffled"}


def roles(*parts: tuple[str, str]) -> Roles:
    """Models that play given roles, by role and name."""
    return Roles(
        tuple(Player(name, ROLES[role].kind, ROLES[role].texts, True, role != "image") for role, name in parts)
    )


IMAGES = 6


def measures(seeds: int, effect: float, noise: float = 0.01) -> pd.DataFrame:
    """Centre bias of early fusion lies ``effect`` below everybody else's."""
    rng = np.random.default_rng(0)
    rows = []
    for part, model in PARTS.items():
        below = effect if part == "fusion" else 0.0
        for seed in range(seeds):
            for label in CLASSES:
                for image in range(IMAGES):
                    bias = 0.3 - below + noise * rng.standard_normal()
                    rows.append(
                        {
                            "model": model, "seed": seed, "key": f"{label}/{image}", "label": label, "edit": "original",
                            "predicted": label, "centre_bias": bias, "centre_bias_label": bias, "centre_bias_other_side": bias,
                            "js_distance": 0.0, "js_bits": 0.0, "switch": 0.0, "within": 0.0, "mask_mass": np.nan, "mask_other": np.nan,
                            "mask_excess": np.nan,
                            "named_mass_change": np.nan,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def tables(seeds: int = 5, effect: float = 0.1, accuracy: float = 0.2) -> Tables:
    changes = measures(seeds, effect)
    rng = np.random.default_rng(1)
    rows = changes[["model", "seed", "key", "label"]].assign(split="test")
    better = np.where(rows["model"] == "early-fusion", 0.6 + accuracy, 0.6)
    information = pd.DataFrame(
        [
            {"model": model, "seed": seed, "texts": "own", "label": label, "total": 1.0, "static": static, "image": 0.1, "text": 0.0}
            for model, static in (("image-only", 0.6), ("early-fusion", 0.4))
            for seed in range(seeds)
            for label in CLASSES
        ]
    )  # fmt: skip
    slopes = changes[["model", "seed", "key", "label"]].assign(
        slope=np.where(changes["model"] == "early-fusion", 0.8, 0.5)
    )
    return Tables(
        roles(*PARTS.items()),
        tuple(range(seeds)),
        CLASSES,
        rows.assign(correct=rng.random(len(rows)) < better),
        changes,
        information=information,
        equivariance=slopes,
    )


def test_every_claim_has_its_evidence_and_every_verdict_its_reason() -> None:
    assert set(EVIDENCE) == set(CLAIMS)
    verdicts = judge(tables())
    assert list(verdicts) == ["C0", "C1", "C2", "C3", "C4", "C5"]
    for name, claim in verdicts.items():
        assert claim.name == name
        assert claim.reason.endswith(".")


def test_a_large_effect_that_all_agree_on_is_supported() -> None:
    found = judge(tables())["C1"]
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(0.1, abs=0.01)
    assert found.interval[0] > 0
    assert found.n == len(CLASSES) * IMAGES
    assert {support.name for support in found.supports if support.needed != "no"} == {
        "static share",
        "equivariance",
        "ladder: empty-text control",
        "ladder: shuffled-text control",
        "other side of the affine",
    }


def test_the_effect_is_the_mean_of_the_cells() -> None:
    given = tables()
    own = given.changes.pivot_table(index=["seed", "label"], columns="model", values="centre_bias")
    assert judge(given)["C1"].effect == pytest.approx((own["image-only"] - own["early-fusion"]).mean())


def test_effect_size_and_sign_flips_are_those_of_the_cells() -> None:
    """Counted out: how many cells lie above 0, and how many sign patterns of the seeds' means reach the mean that was found."""
    given = tables(seeds=6, effect=0.01, accuracy=0.05)
    found = judge(given)["C1"]
    own = given.changes.pivot_table(index=["seed", "label"], columns="model", values="centre_bias")
    cells = (own["image-only"] - own["early-fusion"]).unstack("label").to_numpy()
    assert found.cliffs_delta == pytest.approx((cells > 0).mean() - (cells < 0).mean())
    means = cells.mean(1)
    reached = [abs(np.dot(signs, means)) >= abs(means.sum()) - 1e-12 for signs in product((-1, 1), repeat=6)]
    assert found.sign_flip is not None
    assert found.sign_flip.p == pytest.approx(np.mean(reached))
    assert found.sign_flip.smallest_p == 2 / 2**6
    assert judge(given)["C2"].sign_flip is None


def test_a_changed_text_is_told_from_a_paraphrase_pair_by_pair() -> None:
    """Of all pairs of a changed text and a paraphrase of one seed and class: the share where the changed text moved farther."""
    given, rng = tables(seeds=2), np.random.default_rng(3)
    edited = [
        given.changes.assign(edit=edit, js_distance=rng.normal(shift, 1, len(given.changes)).round(1))
        for edit, shift in (("paraphrase", 0.0), ("other-class", 0.7))
    ]
    edited[1].loc[edited[1].index[::7], "js_distance"] = np.nan
    both = pd.concat([given.changes, *edited], ignore_index=True)
    found = judge(replace(given, changes=both))["C3"]
    support = next(one for one in found.supports if one.name == "told from a paraphrase")
    fusion = both[both["model"] == "early-fusion"]
    shares = []
    for _, rows in fusion.groupby(["seed", "label"]):
        moved, floor = (rows[rows["edit"] == edit]["js_distance"].dropna() for edit in ("other-class", "paraphrase"))
        wins = [(a > b) + (a == b) / 2 for a in moved for b in floor]
        shares.append(np.mean(wins) - 0.5)
    assert len(shares) == 2 * len(CLASSES)
    assert support.effect == pytest.approx(np.mean(shares))
    assert support.unit == "AUROC above 0.5"


@pytest.mark.parametrize("lacking", ["information", "equivariance"])
def test_what_must_agree_and_was_not_measured_leaves_it_undecided(lacking: str) -> None:
    found = judge(replace(tables(), **{lacking: pd.DataFrame()}))["C1"]
    assert found.verdict == "undecided"
    assert "not measured" in found.reason


def test_a_ladder_that_moves_with_the_head_leaves_it_undecided() -> None:
    given = tables()
    told = given.changes["model"] == "empty-text"
    moved = given.changes.assign(centre_bias=given.changes["centre_bias"] - 0.1 * told)
    found = judge(replace(given, changes=moved))["C1"]
    assert found.verdict == "undecided"
    assert "empty-text control" in found.reason


def test_the_other_sign_on_the_other_side_of_the_affine_leaves_it_undecided() -> None:
    given = tables()
    fusion = given.changes["model"] == "early-fusion"
    moved = given.changes.assign(centre_bias_other_side=given.changes["centre_bias_other_side"] + 0.2 * fusion)
    found = judge(replace(given, changes=moved))["C1"]
    assert found.verdict == "undecided"
    assert "other side" in found.reason


def test_few_seeds_decide_nothing() -> None:
    found = judge(tables(seeds=MIN_SEEDS - 1))["C1"]
    assert found.verdict == "undecided"
    assert str(MIN_SEEDS) in found.reason
    assert found.interval is not None


def test_the_other_sign_is_not_supported() -> None:
    assert judge(tables(effect=-0.1))["C1"].verdict == "not supported"


def test_a_surely_tiny_effect_is_not_supported_and_said_to_be_tiny() -> None:
    found = judge(tables(effect=0.003))["C1"]
    assert found.verdict == "not supported"
    assert found.equivalence.equivalent
    assert "margin" in found.reason


def test_what_cannot_be_tested_says_why() -> None:
    verdicts = judge(tables())
    assert verdicts["C2"].verdict == "not testable"
    assert "masks" in verdicts["C2"].reason
    assert verdicts["C3"].verdict == "not testable"
    assert "paraphrase" in verdicts["C3"].reason
    assert verdicts["C4"].verdict == "not testable"
    alone = judge(replace(tables(), roles=roles(("image", "image-only"))))
    for claim in ("C0", "C1", "C2", "C3"):
        assert alone[claim].verdict == "not testable"
        assert alone[claim].reason == "The study has no early-fusion model."


def test_holm_counts_only_what_can_be_tested() -> None:
    verdicts = judge(tables())
    raw = sorted(verdicts[name].p for name in ("C0", "C1"))
    corrected = sorted(verdicts[name].p_holm for name in ("C0", "C1"))
    assert corrected[0] == pytest.approx(min(1, 2 * raw[0]))
    assert verdicts["C2"].p_holm is None


def test_c4_falls_with_the_weaker_of_its_parts() -> None:
    given = tables()
    rng = np.random.default_rng(2)
    reach = {"colour": 0.3, "position": 0.1, "material": 0.1, "nonsense": 0.1}
    rows = [
        {
            "model": "early-fusion", "seed": seed, "key": f"{label}/{image}", "label": label, "kind": kind, "word": "w",
            "truth": "unknown", "js_distance": reach[kind] + 0.01 * rng.standard_normal(),
            "coverage_change": (-0.05 if kind == "colour" else 0.0) + 0.001 * rng.standard_normal(), "within": 0.0,
        }
        for seed in range(5) for label in CLASSES for image in range(IMAGES) for kind in reach
    ]  # fmt: skip
    found = judge(replace(given, modifiers=pd.DataFrame(rows)))["C4"]
    assert found.parts["C4b"].verdict == "supported"
    assert found.parts["C4a"].verdict == "not supported"
    assert (found.verdict, found.decided_by) == ("not supported", "C4a")
    assert found.effect == found.parts["C4a"].effect


@pytest.mark.slow
def test_undefined_images_are_left_out_and_empty_cells_cost_their_class() -> None:
    given = tables()
    one = (given.changes["key"] == "pie/0") & (given.changes["model"] == "early-fusion")
    holes = given.changes.assign(centre_bias=given.changes["centre_bias"].where(~one))
    found = judge(replace(given, changes=holes))["C1"]
    assert found.n == len(CLASSES) * IMAGES - 1
    assert found.dropped_classes == 0
    all_of = (given.changes["label"] == "pie") & (given.changes["seed"] == 0)
    found = judge(
        replace(given, changes=given.changes.assign(centre_bias=given.changes["centre_bias"].where(~all_of)))
    )["C1"]
    assert (found.classes, found.dropped_classes) == (len(CLASSES) - 1, 1)
    assert found.n == (len(CLASSES) - 1) * IMAGES  # the images of a class that is left out do not count
    assert {support.n for support in found.supports if support.name == "static share"} == {0}  # whole classes
    assert math.isfinite(found.effect)


def test_a_single_cell_is_said_to_have_no_interval() -> None:
    given = tables(seeds=1)
    one = replace(given, classes=["pie"], changes=given.changes[given.changes["label"] == "pie"])
    found = judge(replace(one, predictions=given.predictions[given.predictions["label"] == "pie"]))["C1"]
    assert found.interval is None
    assert "nan" not in found.reason
    assert "no interval" in found.reason


@pytest.mark.slow
def test_of_two_models_of_one_kind_the_first_decides_and_the_other_stands_beside() -> None:
    given = tables()
    second = given.changes[given.changes["model"] == "early-fusion"].assign(model="wide")
    doubled = replace(
        given,
        roles=roles(*PARTS.items(), ("fusion", "wide")),
        changes=pd.concat([given.changes, second.assign(centre_bias=second["centre_bias"] + 0.05)]),
    )
    first, found = judge(given)["C1"], judge(doubled)["C1"]
    assert found.model_dump(exclude={"supports"}) == first.model_dump(exclude={"supports"})
    (beside,) = [support for support in found.supports if support.name == "with wide"]
    assert beside.effect == pytest.approx(first.effect - 0.05)
    assert (beside.needed, beside.unit, beside.n) == ("no", "", first.n)
    assert [support for support in found.supports if support is not beside] == list(first.supports)
    turned = judge(replace(doubled, roles=doubled.roles.preferring("wide")))["C1"]
    assert turned.effect == pytest.approx(beside.effect)
