"""Exams change what a caption is about; damage changes one part of a model and no other."""

import numpy as np
import pytest
import torch

from gazeshift.data.plates import PlatesConfig
from gazeshift.data.plates.store import scene_and_caption
from gazeshift.instrument.damage import cascade, with_encoder_of, with_head_of
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


def parameters(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_damage_changes_one_part(build) -> None:
    model, other = build(seed=0), build(seed=1)
    for damaged, part in ((with_encoder_of(model, other), "encoder"), (with_head_of(model, other), "head")):
        for name in ("trunk", "encoder", "head"):
            donor = other if name == part else model
            assert torch.equal(parameters(getattr(damaged, name)), parameters(getattr(donor, name)))
    assert not torch.equal(parameters(model.head), parameters(other.head))


def test_the_cascade_goes_from_the_last_layer_to_the_first_and_leaves_the_model_alone(build) -> None:
    model = build(seed=0)
    with torch.no_grad():
        for layer in model.trunk.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.fill_(0.5)
    before = parameters(model).clone()
    steps = cascade(model, seed=3)
    assert len(steps) == 6
    for count, step in enumerate(steps, 1):
        same = [
            torch.equal(a.weight, b.weight) and bool(norm.running_mean.any())
            for (a, norm, _), (b, _, _) in zip(step.trunk.net.features, model.trunk.net.features, strict=True)
        ]
        assert same == [True] * (6 - count) + [False] * count
        assert torch.equal(parameters(step.head), parameters(model.head))
    assert torch.equal(parameters(model), before)


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
