"""Pictures and label maps: an object removed changes its place alone, colours are what their words say."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeshift.data.plates import PlatesConfig, Scene, kinds, label_map, render, single_kinds, single_objects
from gazeshift.data.plates.draw import SHADOW_REACH
from gazeshift.data.plates.scene import PlateObject, sample_scene
from gazeshift.data.plates.vocabulary import COLOURS, DISHES
from gazeshift.errors import UsageError

CONFIG = PlatesConfig(size=64, objects=(2, 5), n_dishes=12, occlusion=0.3)


def distance_to(item, size):
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    return np.hypot(x - item.x, y - item.y) / item.radius


@pytest.mark.slow
@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_removing_an_object_changes_its_mask_and_nothing_beyond_its_shadow(index):
    scene = sample_scene(CONFIG, "train", index)
    whole, labels = render(scene), label_map(scene)
    assert whole.shape == (64, 64, 3)
    assert whole.dtype == labels.dtype == np.uint8
    assert set(np.unique(labels)) == set(range(len(scene.objects) + 1))
    for item in scene.objects:
        rest = render(scene, without=item.index)
        changed = (whole != rest).any(-1)
        far = distance_to(item, 64) > SHADOW_REACH + 2 / (64 * item.radius)
        assert not changed[far].any()
        mask = labels == item.index
        assert changed[mask].mean() > 0.97
        assert not mask[far].any()
        # What lies above it keeps its pixels: only lower layers are uncovered.
        above = labels > item.index
        kept = label_map(scene, without=item.index)
        assert (kept[above] == labels[above]).all()
        assert not (kept == item.index).any()


def test_a_higher_index_lies_above():
    lower = PlateObject(1, "waffle", "red", 0.45, 0.5, 0.2, 0.0)
    upper = PlateObject(2, "rice_ball", "green", 0.55, 0.5, 0.2, 0.0)
    scene = Scene(0, 96, 0.0, (0.5, 0.5), (lower, upper), 1, "easy")
    labels = label_map(scene)
    alone = [label_map(replace(scene, objects=(item,))) > 0 for item in (lower, upper)]
    both = alone[0] & alone[1]
    assert both.sum() > 50
    assert (labels[both] == 2).all()
    assert (labels[alone[0] & ~alone[1]] == 1).all()


def test_a_picture_depends_on_the_scene_alone():
    scene = sample_scene(CONFIG, "train", 3)
    first = render(scene)
    render(sample_scene(CONFIG, "train", 4))
    assert (render(scene) == first).all()
    assert (render(replace(scene, seed=scene.seed + 1)) != first).any()


@pytest.mark.parametrize("dish", DISHES)
def test_every_dish_shows_the_hue_of_its_colour_word(dish):
    """The hue that most of the strongly coloured pixels have is nearest to the right one of the six saturated words."""
    words = ("red", "yellow", "green", "purple", "blue", "orange")
    hues = {word: colorsys.rgb_to_hsv(*COLOURS[word])[0] for word in words}
    for word in words:
        item = PlateObject(1, dish, word, 0.5, 0.5, 0.35, 0.3)
        scene = Scene(1, 64, 0.0, (0.5, 0.5), (item,), 1, "easy")
        pixels = render(scene)[label_map(scene) == 1] / 255
        strong = [hue for hue, saturation, _ in (colorsys.rgb_to_hsv(*p) for p in pixels) if saturation > 0.45]
        assert len(strong) > 0.3 * len(pixels)
        median = np.median([(hue - hues[word] + 0.5) % 1 - 0.5 for hue in strong]) + hues[word]
        gap = {other: abs((median - hue + 0.5) % 1 - 0.5) for other, hue in hues.items()}
        assert min(gap, key=gap.get) == word


def test_silhouettes_of_the_dishes_differ_from_each_other():
    masks = []
    for dish in DISHES:
        item = PlateObject(1, dish, "red", 0.5, 0.5, 0.4, 0.0)
        masks.append(label_map(Scene(0, 64, 0.0, (0.5, 0.5), (item,), 1, "easy")) > 0)
    for i, a in enumerate(masks):
        assert a.mean() > 0.08
        for b in masks[i + 1 :]:
            assert (a & b).sum() / (a | b).sum() < 0.9


def test_an_object_that_is_not_there_cannot_be_removed():
    with pytest.raises(UsageError, match="objects 1 to"):
        render(sample_scene(CONFIG, "train", 0), without=9)


@pytest.mark.slow
def test_single_objects_are_reproducible_crops_of_the_named_dish():
    config = PlatesConfig(size=64)
    images, labels = single_objects(config, 40, seed=5)
    again, _ = single_objects(config, 40, seed=5)
    other, _ = single_objects(config, 40, seed=6)
    assert images.shape == (40, 3, 32, 32)
    assert (images == again).all()
    assert (images != other).any()
    assert set(labels) <= set(range(8))
    assert len(set(labels)) > 4
    colourful = [np.ptp(image.astype(int), axis=0).max() > 80 for image in images]
    assert all(colourful)


def test_single_kinds_are_the_single_objects_with_their_colour():
    config = PlatesConfig(size=64, n_dishes=4, n_colours=3)
    images, dishes = single_objects(config, n=12, seed=1)
    same, labels = single_kinds(config, n=12, seed=1)
    np.testing.assert_array_equal(images, same)
    assert [kinds(config)[label].split(" ")[1] for label in labels] == [config.dishes[dish] for dish in dishes]
    # The middle of most crops has the labelled colour; some dishes have icing, holes or sticks there.
    right = 0
    for image, label in zip(same, labels, strict=True):
        middle = np.median(image[:, 12:20, 12:20].reshape(3, -1), 1) / 255
        hue = colorsys.rgb_to_hsv(*middle)[0]
        near = {name: abs((hue - colorsys.rgb_to_hsv(*COLOURS[name])[0] + 0.5) % 1 - 0.5) for name in config.colours}
        right += min(near, key=lambda name: near[name]) == kinds(config)[label].split(" ")[0]
    assert right >= 9


def test_single_kinds_by_place_say_in_which_third_the_dish_lies():
    config = PlatesConfig(size=64, n_dishes=4, n_colours=1, kappa_target=0, kappa_distractor=0, clutter=0)
    images, labels = single_kinds(config, n=30, seed=2, by="place", crop=64)
    names = kinds(config, "place")
    assert len(names) == 36
    found = {"left": [], "middle": [], "right": [], "upper": [], "central": [], "lower": []}
    for image, label in zip(images, labels, strict=True):
        red = np.clip(image[0].astype(float) - image[1:].max(0), 60, None) - 60  # the only colour is red
        y, x = np.mgrid[:64, :64]
        down, across = names[label].split(" ")[:2]
        found[across].append((red * x).sum() / red.sum())
        found[down].append((red * y).sum() / red.sum())
    for near, middle, far in (("left", "middle", "right"), ("upper", "central", "lower")):
        assert np.mean(found[near]) + 5 < np.mean(found[middle]) < np.mean(found[far]) - 5
    with pytest.raises(UsageError, match="place"):
        single_kinds(config, n=1, seed=0, by="size")
