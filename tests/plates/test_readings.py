"""One picture, several titles: the picture stays, and what is meant is as likely as the picture says."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gazeshift.data.plates import PlatesConfig, Scene, readings, render, scene_and_caption
from gazeshift.data.plates.vocabulary import MODIFIERS

CONFIG = PlatesConfig(size=48, objects=(3, 3), n_dishes=5, n_colours=6, mix={"colour": 1.0}, prior=None)


def test_the_first_reading_is_the_data_sets_and_all_share_its_picture() -> None:
    for index in range(5):
        found = readings(CONFIG, "train", index, 6)
        assert found[0] == scene_and_caption(CONFIG, "train", index)
        assert len(found) == 6
        for scene, caption in found:
            assert caption.referred == scene.target
            assert caption.content == (scene.object(scene.target).colour,)
            assert caption.modifier == scene.modifier
            assert replace(scene, target=1, modifier="") == replace(found[0][0], target=1, modifier="")
    assert (render(found[0][0]) == render(found[5][0])).all()


def test_the_same_readings_are_drawn_each_time() -> None:
    assert readings(CONFIG, "test", 3, 4) == readings(CONFIG, "test", 3, 4)
    assert readings(CONFIG, "test", 3, 1) == [scene_and_caption(CONFIG, "test", 3)]


def shares(config: PlatesConfig, index: int) -> tuple[Scene, list[float]]:
    found = readings(config, "train", index, 601)
    count = Counter(scene.target for scene, _ in found[1:])  # the first one is not drawn here
    return found[0][0], [count[item.index] / 600 for item in found[0][0].objects]


@pytest.mark.parametrize("index", range(3))
def test_a_target_is_as_likely_as_its_place_and_size_make_it(index: int) -> None:
    _, found = shares(CONFIG, index)
    np.testing.assert_allclose(found, 1 / 3, atol=0.09)
    largest, found = shares(replace(CONFIG, prior=0.7), index)
    expected = [0.7 if item.radius == max(o.radius for o in largest.objects) else 0.15 for item in largest.objects]
    np.testing.assert_allclose(found, expected, atol=0.09)
    # Pulled with kappa 0.9, the squared distance is Beta(1, 10) and else uniform: a ratio of densities of 10 (1 - d^2)^9.
    pulled, found = shares(replace(CONFIG, kappa_target=0.9, kappa_distractor=0.0), index)
    place = [np.hypot(item.x - pulled.plate[0], item.y - pulled.plate[1]) / 0.29 for item in pulled.objects]
    density = np.array([(1 - min(d, 1.0) ** 2) ** 9 for d in place])
    np.testing.assert_allclose(found, density / density.sum(), atol=0.09)


def test_an_adjective_that_gives_the_label_away_does_so_in_every_reading() -> None:
    tied = replace(CONFIG, rho=1.0)
    for scene, caption in readings(tied, "train", 0, 30):
        assert caption.modifier == MODIFIERS[tied.dishes.index(scene.label)]
