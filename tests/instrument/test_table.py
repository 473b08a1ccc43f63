"""The table on the oracle trunk, small: the instrument shows what must come out, and fails where something is broken."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gazeshift.instrument import quantities
from gazeshift.instrument.expectations import EXPECTATIONS
from gazeshift.instrument.lab import Lab
from gazeshift.instrument.quantities import Subject, look, regions
from gazeshift.instrument.rows import ROWS
from gazeshift.instrument.settings import SETTINGS
from gazeshift.instrument.worlds import WORLDS
from gazeshift.saliency import METHODS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    world = WORLDS["oracle"]
    recipe = world.recipe.model_copy(update={"batch_size": 128, "learning_rate": 1e-2, "epochs": 10})
    text = world.text.model_copy(update={"width": 16, "heads": 2})
    with pytest.MonkeyPatch.context() as patch:
        # Pooling forgets places however long it is trained, and nothing is expected of it: a third of the epochs will do.
        patch.setitem(SETTINGS, "position", replace(SETTINGS["position"], patience=1))
        yield Lab(replace(world, train=2000, test=60, text=text, recipe=recipe), 0, tmp_path_factory.mktemp("lab"))


@pytest.mark.parametrize("name", ROWS)
def test_what_must_come_out_comes_out(lab: Lab, name: str) -> None:
    found = ROWS[name].measure(lab)
    for expectation in EXPECTATIONS[name]:
        if not expectation.trunk:
            assert expectation.met(found[expectation.quantity]), f"{expectation.quantity}: {found} {expectation}"


def missed(lab: Lab, name: str) -> set[str]:
    found = ROWS[name].measure(lab)
    return {e.quantity for e in EXPECTATIONS[name] if not e.trunk and not e.met(found[e.quantity])}


def test_a_map_that_ignores_the_text_is_found_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "grad-cam", METHODS["eigen-cam"])
    assert {"shift-faithfulness", "named mass change"} <= missed(lab, "colour")


def test_maps_of_the_wrong_images_are_found_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = METHODS["grad-cam"]
    monkeypatch.setitem(METHODS, "grad-cam", lambda probe: honest(probe).flip(1, 2))
    assert {"shift-faithfulness", "lift"} <= missed(lab, "colour")


def test_a_map_of_the_opposite_sign_is_found_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = METHODS["grad-cam"]
    monkeypatch.setitem(METHODS, "grad-cam", lambda probe: -honest(probe))
    assert {"shift-faithfulness", "lift", "named mass change"} <= missed(lab, "colour")


def test_a_text_that_acts_where_it_should_not_is_found_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control, given a model that reads its captions."""
    monkeypatch.setitem(lab._models, "random captions", lab.model("colour"))
    monkeypatch.setattr(lab, "exam", lambda name, exam=lab.exam: exam("colour"))
    assert missed(lab, "irrelevant") == {"accuracy over ceiling", "raw map change", "effect change ratio"}


def test_measures_of_looks_against_loops(lab: Lab) -> None:
    subject, exam = lab.subject(lab.model("colour")), lab.exam("colour")
    seen = look(subject, exam)
    masses, changes = [], []
    for scene, caption, others, raw in zip(exam.scenes, exam.captions, exam.others, seen.maps, strict=True):
        grids = [quantities.mask_to_grid(subject.see.labels(scene) == k, 6, 6) for k in (1, 2, 3)]
        p = np.maximum(raw, 0) / np.maximum(raw, 0).sum()
        own, every = grids[caption.referred - 1], sum(grids)
        masses.append((p * own).sum() / own.mean() / ((p * every).sum() / every.mean()))
        for other in others:
            at = quantities.encode(subject, [scene])
            text = subject.read([other.text])
            c = int(subject.model.classify(at, text).argmax())
            new = quantities.compute_maps(
                quantities.BoundClassifier(subject.model, at, text),
                quantities.Rows(*map(quantities.torch.tensor, ([0], [0], [c]))),
            )
            q = np.maximum(new.maps[0].numpy(), 0)
            mask = grids[other.referred - 1]
            changes.append((q * mask).sum() / q.sum() - (p * mask).sum())
    assert seen.preference == pytest.approx(np.mean(masses), rel=1e-4)
    assert seen.named_mass_change == pytest.approx(np.mean(changes), abs=1e-4)


def test_maps_with_hidden_information_are_static_only_where_they_are_alike() -> None:
    spots = np.eye(16).reshape(16, 4, 4)
    assert quantities.static_share(spots) == pytest.approx(0)
    assert quantities.static_share(np.repeat(spots[:1], 5, 0)) == pytest.approx(1)
    assert np.isnan(quantities.static_share(-spots))


def test_effects_of_a_blind_subject_are_nothing(lab: Lab) -> None:
    model = lab.model("label, image")
    found = regions(Subject(model, lab.subject(model).see, lab.subject(model).read), lab.exam("label"))
    assert not found.effect_change.any()
    assert quantities.effect_change_ratio(found) == 0
