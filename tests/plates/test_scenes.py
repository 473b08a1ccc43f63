"""Scenes and captions: deterministic, as rare and as true as the settings and the texts say."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazeshift.data.plates import PlatesConfig, caption_for, image_only_ceiling, scene_and_caption
from gazeshift.data.plates.captions import CATEGORY_WORDS, all_captions, paraphrase
from gazeshift.data.plates.layout import draw_layouts, target_posterior
from gazeshift.data.plates.scene import sample_scene
from gazeshift.data.plates.vocabulary import CATEGORY_OF, DISHES, MODIFIERS
from gazeshift.errors import UsageError

pytestmark = pytest.mark.slow

BUSY = PlatesConfig(objects=(2, 6), n_dishes=12, n_colours=5, positions=("left", "top", "upper right", "lower left"))
indices = st.integers(0, 10**6)


NAMED = re.compile(r"\b(" + "|".join(sorted((name.replace("_", " ") for name in DISHES), key=len)[::-1]) + r")s?\b")


def mentions(text: str) -> set[str]:
    """The dishes that a text names, in the singular or plural, in any case, with space or underscore."""
    return {found.replace(" ", "_") for found in NAMED.findall(text.replace("_", " ").lower())}


def largest(scene):
    return max(scene.objects, key=lambda o: o.radius)


@given(indices)
@settings(max_examples=40)
def test_objects_are_distinct_dishes_on_the_plate_that_keep_their_distance(index):
    scene = sample_scene(BUSY, "train", index)
    assert scene == sample_scene(BUSY, "train", index)
    assert [o.index for o in scene.objects] == list(range(1, len(scene.objects) + 1))
    assert len({o.name for o in scene.objects}) == len(scene.objects) in range(2, 7)
    sizes = sorted(o.radius for o in scene.objects)
    assert sizes[-1] >= BUSY.size_gap * sizes[-2] - 1e-9
    for a in scene.objects:
        assert np.hypot(a.x - 0.5, a.y - 0.5) < 0.35
        for b in scene.objects[a.index :]:
            assert np.hypot(a.x - b.x, a.y - b.y) >= (1 - BUSY.occlusion) * (a.radius + b.radius) - 1e-9
    if len(scene.objects) <= BUSY.n_colours:
        assert len({o.colour for o in scene.objects}) == len(scene.objects)


@given(indices)
@settings(max_examples=40)
def test_every_caption_is_true_of_its_object_and_of_no_other(index):
    scene = sample_scene(BUSY, "train", index)
    captions = all_captions(scene)
    assert len({(c.kind, c.content, c.referred) for c in captions}) == len(captions)
    for caption in captions:
        named = mentions(caption.text)
        if caption.referred is None:
            assert not named
            continue
        item = scene.object(caption.referred)
        others = [o for o in scene.objects if o.index != item.index]
        if caption.kind == "category":
            assert not named
            assert [o for o in scene.objects if CATEGORY_WORDS[CATEGORY_OF[o.name]] in caption.text] == [item]
        elif caption.kind == "two":
            assert len(named) == 2
            assert named & {o.name for o in scene.objects} == {item.name}
        elif caption.kind == "colour":
            assert [o for o in scene.objects if f" {o.colour} " in f" {caption.text} "] == [item]
        elif caption.kind == "position":
            assert_true_place(caption.content[0], item, others, scene.plate)
        else:
            assert named == {item.name}


def assert_true_place(word, item, others, plate):
    if "left" in word.split():
        assert item.x < (plate[0] if " " in word else min(o.x for o in others))
    if "right" in word.split():
        assert item.x > (plate[0] if " " in word else max(o.x for o in others))
    if word in ("top", "bottom"):
        ys = [o.y for o in others]
        assert item.y < min(ys) if word == "top" else item.y > max(ys)
    if " " in word:
        quadrant = [(o.x > plate[0], o.y > plate[1]) for o in (item, *others)]
        assert quadrant[0] == ("right" in word, "lower" in word)
        assert quadrant.count(quadrant[0]) == 1


@given(indices)
@settings(max_examples=30)
def test_a_drawn_caption_is_one_of_the_valid_ones_and_a_paraphrase_keeps_its_meaning(index):
    scene, caption = scene_and_caption(BUSY, "test", index)
    other = paraphrase(caption, np.random.default_rng(index))
    assert other.text != caption.text
    assert (other.kind, other.content, other.referred) == (caption.kind, caption.content, caption.referred)
    assert mentions(other.text) == mentions(caption.text)
    assert (caption.kind, caption.content, caption.referred) in {
        (c.kind, c.content, c.referred) for c in all_captions(scene)
    }
    assert caption.referred in (scene.target, None)


def test_a_kind_that_cannot_be_said_gives_no_caption():
    config = PlatesConfig(objects=(6, 6), n_colours=1)
    scene = sample_scene(config, "train", 0)
    assert caption_for(scene, "colour", scene.target, np.random.default_rng(0)) is None
    with pytest.raises(UsageError, match="colour"):
        scene_and_caption(PlatesConfig(objects=(6, 6), n_colours=1, mix={"colour": 1.0}), "train", 0)


def test_random_and_empty_titles_name_nothing():
    scene = sample_scene(PlatesConfig(), "train", 0)
    rng = np.random.default_rng(0)
    assert caption_for(scene, "none", 1, rng).text == ""
    random = caption_for(scene, "random", 1, rng)
    assert random.referred is None
    assert random.text
    assert not mentions(random.text)


def test_mentions_knows_plurals_capitals_and_whole_words_only():
    assert mentions("Star Cookies, RICE_BALL and two pretzels") == {"star_cookie", "rice_ball", "pretzel"}
    assert mentions("donutty cookies") == set()
    assert all(mentions(f"a {name.replace('_', ' ')} recipe") == {name} for name in DISHES)


def test_the_mix_comes_out_as_set_where_all_kinds_fit():
    config = PlatesConfig(mix={"dish": 3, "two": 1, "useless": 1})
    kinds = Counter(scene_and_caption(config, "train", i)[1].kind for i in range(500))
    for kind, share in (("dish", 0.6), ("two", 0.2), ("useless", 0.2)):
        assert abs(kinds[kind] / 500 - share) < 0.09  # 4 standard errors


def test_right_captions_is_the_share_about_the_true_target():
    config = PlatesConfig(mix={"dish": 1.0}, right_captions=0.7)
    drawn = [scene_and_caption(config, "train", i) for i in range(400)]
    right = [mentions(caption.text) == {scene.label} for scene, caption in drawn]
    assert abs(np.mean(right) - 0.7) < 0.1
    assert all(mentions(c.text) <= {o.name for o in s.objects} for s, c in drawn)


def test_with_equal_pulls_the_ceiling_is_what_betting_on_the_largest_earns():
    config = PlatesConfig(objects=(2, 4), prior=0.7)
    scenes = [sample_scene(config, "train", i) for i in range(800)]
    earned = np.mean([largest(s).index == s.target for s in scenes])
    assert image_only_ceiling(config) == pytest.approx(0.7)
    assert abs(earned - 0.7) < 4 * np.sqrt(0.21 / 800)
    # Below 1 / k the best bet is one of the others.
    assert image_only_ceiling(PlatesConfig(objects=(2, 2), prior=0.1)) == pytest.approx(0.9)


def test_with_unequal_pulls_the_ceiling_is_what_the_best_guess_earns_on_real_scenes():
    config = PlatesConfig(objects=(2, 3), kappa_target=0.7, kappa_distractor=0.4, prior=0.5)
    ceiling = image_only_ceiling(config, scenes=2000)
    scenes = [sample_scene(config, "train", i) for i in range(1500)]
    earned = np.mean([best_guess(scene, config) == scene.target for scene in scenes])
    naive = np.mean([largest(s).index == s.target for s in scenes])
    assert abs(ceiling - earned) < 4 * np.sqrt(0.25 / 1500 + 0.25 / 4000)
    assert ceiling > naive + 0.05


def best_guess(scene, config):
    """Bayes' rule written out: prior of the rank times density as target over density as distractor."""

    def density(item, kappa):
        squared = ((item.x - scene.plate[0]) ** 2 + (item.y - scene.plate[1]) ** 2) / 0.29**2
        power = 1 / (1 - kappa)
        return power * (1 - squared) ** (power - 1)

    k = len(scene.objects)
    weight = {}
    for item in scene.objects:
        prior = config.prior if item == largest(scene) else (1 - config.prior) / (k - 1)
        weight[item.index] = prior * density(item, config.kappa_target) / density(item, config.kappa_distractor)
    return max(weight, key=weight.get)


def test_the_posterior_is_calibrated():
    config = PlatesConfig(kappa_target=0.8, kappa_distractor=0.5)
    layouts = draw_layouts(config, 3, 3000, np.random.default_rng(0))
    posterior = target_posterior(config, layouts)
    hit = np.arange(3) == layouts.targets[:, None]
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
        inside = (posterior >= low) & (posterior < high)
        assert abs(hit[inside].mean() - posterior[inside].mean()) < 4 * np.sqrt(0.25 / inside.sum())


@pytest.mark.parametrize("role", ["kappa_target", "kappa_distractor"])
def test_a_stronger_pull_brings_its_own_kind_to_the_centre(role):
    def spread(kappa):
        config = PlatesConfig(**{"kappa_target": 0.3, "kappa_distractor": 0.3} | {role: kappa})
        layouts = draw_layouts(config, 3, 1000, np.random.default_rng(0))
        own = (np.arange(3) == layouts.targets[:, None]) == (role == "kappa_target")
        return (layouts.places**2).sum(-1)[own].mean()

    assert spread(0.9) < spread(0.5) - 0.05 < spread(0.0) - 0.1


def test_rho_ties_the_adjective_to_the_label_and_the_swap_unties_it():
    config = PlatesConfig(rho=1.0, swap="words")
    for split, shift in (("train", 0), ("test", 1)):
        for i in range(40):
            scene, caption = scene_and_caption(config, split, i)
            own = MODIFIERS[(config.dishes.index(scene.label) + shift) % len(config.dishes)]
            assert scene.modifier == own
            assert own in caption.text
    free = [sample_scene(PlatesConfig(), "train", i) for i in range(400)]
    tied = np.mean([s.modifier == MODIFIERS[PlatesConfig().dishes.index(s.label)] for s in free])
    assert abs(tied - 1 / 8) < 0.07


def test_the_combinations_swap_shows_each_dish_in_a_colour_that_training_never_had():
    config = PlatesConfig(swap="combinations")
    seen = {(o.name, o.colour) for i in range(200) for o in sample_scene(config, "train", i).objects}
    tested = {(o.name, o.colour) for i in range(100) for o in sample_scene(config, "test", i).objects}
    assert not seen & tested
    assert {name for name, _ in seen} == {name for name, _ in tested} == set(config.dishes)


def test_the_centre_swap_exchanges_the_pulls_in_the_test_split_only():
    config = PlatesConfig(kappa_target=0.9, kappa_distractor=0.1, swap="centre")

    def target_is_most_central(split):
        scenes = [sample_scene(config, split, i) for i in range(150)]
        return np.mean([min(s.objects, key=lambda o: np.hypot(o.x - 0.5, o.y - 0.5)).index == s.target for s in scenes])

    assert target_is_most_central("train") > 0.8
    assert target_is_most_central("test") < 0.3


def test_fewer_scenes_are_the_first_of_more():
    few, many = PlatesConfig(train=10), PlatesConfig(train=10_000)
    assert sample_scene(few, "train", 7) == sample_scene(many, "train", 7)
    assert sample_scene(few, "train", 7) != sample_scene(few, "test", 7)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"size": 8}, "size"),
        ({"objects": (3, 2)}, "objects"),
        ({"objects": (2, 7)}, "objects"),
        ({"n_dishes": 13}, "n_dishes"),
        ({"n_dishes": 3}, "dishes"),
        ({"kappa_target": 1.0}, "kappa_target"),
        ({"prior": 1.5}, "prior"),
        ({"mix": {"dishes": 1.0}}, "dishes"),
        ({"mix": {"dish": 0.0}}, "mix"),
        ({"mix": {"dish": float("nan")}}, "mix"),
        ({"positions": ("middle",)}, "middle"),
        ({"swap": "colours"}, "swap"),
        ({"swap": "words"}, "rho"),
        ({"swap": "centre"}, "kappa"),
        ({"test": -1}, "test"),
        ({"seed": -1}, "seed"),
        ({"sizes": 96}, "sizes"),
        ({"size": "large"}, "type"),
        ({"mix": None}, "type"),
    ],
)
def test_a_setting_out_of_range_is_named_in_one_line(values, named):
    with pytest.raises(UsageError, match=named) as caught:
        PlatesConfig.from_dict(values)
    assert "\n" not in str(caught.value)
