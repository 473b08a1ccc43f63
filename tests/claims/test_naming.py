"""C5 and the contrasts beside C2 and C4, from tables whose truth is made."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gazeshift.claims.judge import judge
from gazeshift.claims.moving import about_something_else
from gazeshift.claims.tables import Tables
from gazeshift.claims.verdict import Contrast, Verdict
from tests.claims.test_claims import CLASSES, tables

NAMED, OTHER = "other-object", ("paraphrase", "shuffle", "nonsense")


def with_texts(
    found: Tables, gains: Mapping[str, float], moved: Mapping[str, float] | None = None, noise: float = 0.02
) -> Tables:
    """The tables with rows of changed texts: by edit, what the named region gains, and the distance that the map moves."""
    rng = np.random.default_rng(2)
    own = found.changes
    parts = [own]
    for edit, gain in gains.items():
        rows = own.assign(edit=edit, naming=float(edit == NAMED))
        rows["target_gain"] = gain + noise * rng.standard_normal(len(rows))
        rows["js_distance"] = (moved or {}).get(edit, 0.1) + 0.01 * rng.standard_normal(len(rows))
        parts.append(rows)
    return replace(found, changes=pd.concat(parts, ignore_index=True))


def c5(gains: Mapping[str, float], moved: Mapping[str, float] | None = None, seeds: int = 5) -> Verdict:
    return judge(with_texts(tables(seeds), gains, moved))["C5"]


def contrast(verdict: Verdict, name: str) -> Contrast:
    return next(one for one in verdict.supports if one.name == name)


STILL = dict.fromkeys(OTHER, 0.0)


def test_a_map_that_moves_to_the_named_region_and_only_then() -> None:
    found = c5({**STILL, NAMED: 0.3})
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(0.3, abs=0.01)
    assert contrast(found, "sensitivity").effect == 1.0
    assert contrast(found, "specificity").effect == pytest.approx(0.95, abs=0.03)
    assert contrast(found, "told from texts that should move nothing").effect == 0.5


def test_a_map_that_moves_there_with_a_made_up_word_as_well_does_not_do_so_only_then() -> None:
    found = c5({**STILL, "nonsense": 0.3, NAMED: 0.3})
    assert found.verdict == "undecided"
    assert contrast(found, "above nonsense").agrees is False
    assert contrast(found, "specificity").effect == pytest.approx(0.475, abs=0.03)


def test_a_map_that_any_change_of_the_words_moves_does_not_do_so_only_then() -> None:
    found = c5({**STILL, NAMED: 0.3}, {"shuffle": 0.3})
    assert found.verdict == "undecided"
    assert contrast(found, "shuffle moves no more than a paraphrase").agrees is False
    assert contrast(found, "nonsense moves no more than a paraphrase").agrees is True


def test_a_map_that_no_text_moves() -> None:
    found = c5({**STILL, NAMED: 0.0})
    assert found.verdict == "not supported"
    assert contrast(found, "sensitivity").effect == pytest.approx(0.05, abs=0.03)


def test_without_texts_that_name_a_region_it_cannot_be_tested() -> None:
    for given in (tables(), with_texts(tables(), STILL), with_texts(tables(), {NAMED: 0.3})):
        found = judge(given)["C5"]
        assert found.verdict == "not testable"
        assert "masks" in found.reason


def test_from_few_seeds_nothing_is_said() -> None:
    assert c5({**STILL, NAMED: 0.3}, seeds=2).verdict == "undecided"


def test_the_controls_stand_beside_it() -> None:
    found = c5({**STILL, NAMED: 0.3})
    assert contrast(found, "shuffled-text control").effect == pytest.approx(
        0.3, abs=0.01
    )  # these tables move all models alike


def test_where_a_map_lies_is_told_against_what_it_would_be_without_looking() -> None:
    given = tables()
    own = given.changes.assign(mask_excess=np.where(given.changes["model"] == "early-fusion", 0.4, 0.1))
    own = own.assign(
        mask_mass=0.5,
        mask_area=0.2,
        mask_prior=0.3,
        pointing=1.0,
        pointing_chance=0.25,
        rank_accuracy=0.7,
        blind_excess=0.05,
    )
    found = judge(replace(given, changes=own))["C2"]
    effects = {one.name: one.effect for one in found.supports}
    assert effects["mass above the area"] == pytest.approx(0.3)
    assert effects["mass above the location prior"] == pytest.approx(0.2)
    assert effects["pointing above chance"] == pytest.approx(0.75)
    assert effects["rank accuracy above chance"] == pytest.approx(0.5)
    assert effects["above a text-blind map"] == pytest.approx(0.35)
    assert effects["shuffled-text control"] == pytest.approx(0.3)
    assert found.effect == pytest.approx(0.3)


def test_the_users_own_true_and_false_texts_are_contrasted_even_where_no_modifiers_are_asked_for() -> None:
    given = with_texts(
        tables(),
        {"paraphrase": 0.0, "true-colour": 0.0, "false-colour": 0.0},
        {"true-colour": 0.2, "false-colour": 0.5},
    )
    found = judge(given)["C4"].parts["C4b"]
    assert found.verdict == "not testable"
    effects = {one.name: one.effect for one in found.supports}
    assert effects["true-colour texts"] == pytest.approx(0.1, abs=0.01)
    assert effects["false-colour texts"] == pytest.approx(0.4, abs=0.01)
    assert effects["false minus true colour"] == pytest.approx(0.3, abs=0.01)


def test_every_class_has_its_cells() -> None:
    assert c5({**STILL, NAMED: 0.3}).classes == len(CLASSES)


@pytest.mark.parametrize(
    ("objects", "classes", "expected"),
    [(10, 10, NAMED), (5, 10, NAMED), (4, 10, "other-class"), (0, 10, "other-class"), (3, 0, NAMED), (0, 0, None)],
)
def test_another_object_is_something_else_where_enough_pictures_have_one(
    objects: int, classes: int, expected: str | None
) -> None:
    rows = pd.DataFrame({"edit": ["paraphrase"] * 20 + [NAMED] * objects + ["other-class"] * classes})
    assert about_something_else(rows) == expected
