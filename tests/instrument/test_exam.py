"""Exams change what a caption is about; every row and setting can be measured."""

import numpy as np
import pytest

from gazeshift.data.plates import PlatesConfig
from gazeshift.data.plates.store import scene_and_caption
from gazeshift.instrument.exam import make_exam
from gazeshift.instrument.expectations import EXPECTATIONS, Expectation
from gazeshift.instrument.rows import ROWS
from gazeshift.instrument.settings import SETTINGS


def exam(kind: str, **changes):
    config = PlatesConfig(size=48, objects=(3, 3), n_dishes=5, n_colours=6, mix={kind: 1.0}, test=12, **changes)
    drawn = [scene_and_caption(config, "test", index) for index in range(12)]
    return make_exam(config, [scene for scene, _ in drawn], [caption for _, caption in drawn])


@pytest.mark.parametrize("kind", ["colour", "dish", "two"])
def test_changed_captions_are_about_each_other_object_once(kind: str) -> None:
    made = exam(kind)
    for scene, caption, others in zip(made.scenes, made.captions, made.others, strict=True):
        assert caption.referred == scene.target
        assert sorted(o.referred for o in others) == sorted({1, 2, 3} - {scene.target})
        assert {o.kind for o in others} == {kind}
    assert len(made.changes) == 24
    assert made.others == exam(kind).others


def test_captions_about_nothing_change_to_one_other_of_their_kind() -> None:
    for caption, others in zip(exam("random").captions, exam("random").others, strict=True):
        assert [o.kind for o in others] == ["random"]
        assert others[0].text != caption.text
    assert all(c.before == c.after == "" for c in exam("none").changes)


def test_every_row_has_expectations_and_every_setting_makes_a_data_set() -> None:
    assert EXPECTATIONS.keys() == ROWS.keys()
    assert all(EXPECTATIONS.values())
    for setting in SETTINGS.values():
        assert setting.config(48, 3, 2, 0).scenes("test") == 2


@pytest.mark.parametrize(
    ("expectation", "found", "met"),
    [
        (Expectation("x", at_least=0.9), 0.9, True),
        (Expectation("x", at_least=0.9), 0.89, False),
        (Expectation("x", -0.1, 0.1), 0.2, False),
        (Expectation("x", -0.1, 0.1), -0.2, False),
        (Expectation("x", at_most=0.0), 0.0, True),
        (Expectation("x", at_most=0.3), np.nan, False),
        (Expectation("x", at_most=0.3, or_undefined=True), np.nan, True),
        (Expectation("x", at_least=0.3), np.inf, True),
    ],
)
def test_an_expectation_is_met_within_its_bounds_and_undefined_only_where_it_says_so(expectation, found, met) -> None:
    assert expectation.met(found) is met
