"""The oracle trunk: one channel per kind of object, exact in place and presence."""

import numpy as np
import pytest
import torch

from gazeshift.data.plates import PlatesConfig, label_map
from gazeshift.data.plates.scene import sample_scene
from gazeshift.instrument.oracle import code_picture, oracle_preprocessing, oracle_trunk
from gazeshift.instrument.places import PLACES, placed
from gazeshift.measures import mask_to_grid

CONFIG = PlatesConfig(size=48, objects=(2, 4), n_dishes=6, n_colours=4, occlusion=0.3)
SCENES = [sample_scene(CONFIG, "train", index) for index in range(8)]


def encode(scene, without=None, coordinates=False):
    pixels = torch.from_numpy(code_picture(scene, without)).permute(2, 0, 1)[None]
    trunk = placed(oracle_trunk(CONFIG), torch.zeros(24, 6, 6), list(PLACES)) if coordinates else oracle_trunk(CONFIG)
    return trunk.encode(oracle_preprocessing(48).normalise(pixels)).grid[0].numpy()


@pytest.mark.parametrize("scene", SCENES)
def test_a_channel_is_the_visible_mask_by_area_at_mean_1(scene) -> None:
    grid = encode(scene)
    assert grid.shape == (24, 6, 6)
    shown = {}
    for item in scene.objects:
        mask = mask_to_grid(label_map(scene) == item.index, 6, 6)
        shown[grid_channel(grid, mask)] = mask
    assert len(shown) == len(scene.objects)
    for channel, values in enumerate(grid):
        expected = shown[channel] / shown[channel].mean() if channel in shown else np.zeros((6, 6))
        np.testing.assert_allclose(values, expected, atol=1e-4)


def grid_channel(grid, mask):
    """The channel that correlates best with a mask: which one it is follows from nothing but the picture."""
    return int(np.argmax([np.corrcoef(g.ravel(), mask.ravel())[0, 1] if g.any() else -1 for g in grid]))


def test_the_same_dish_in_the_same_colour_has_the_same_channel_in_every_scene() -> None:
    found = {}
    for scene in SCENES:
        grid = encode(scene)
        for item in scene.objects:
            mask = mask_to_grid(label_map(scene) == item.index, 6, 6)
            found.setdefault((item.name, item.colour), set()).add(grid_channel(grid, mask))
    assert all(len(channels) == 1 for channels in found.values())
    assert len({next(iter(channels)) for channels in found.values()}) == len(found)


def test_without_an_object_its_channel_is_empty_and_the_others_stay_where_nothing_was_hidden() -> None:
    scene = sample_scene(PlatesConfig(size=48, objects=(3, 3), n_dishes=6, n_colours=4, occlusion=0.0), "train", 0)
    whole = encode(scene)
    for item in scene.objects:
        rest = encode(scene, item.index)
        changed = [c for c in range(24) if not np.array_equal(whole[c], rest[c])]
        assert len(changed) == 1
        assert not rest[changed[0]].any()


def test_coordinates_pool_to_the_centroid_of_what_is_visible_and_its_distance_from_the_centre() -> None:
    for scene in SCENES[:3]:
        pooled = encode(scene, coordinates=True).mean((1, 2)).reshape(4, 24)
        plain = encode(scene)
        centres = (2 * np.arange(6) + 1) / 6 - 1
        for item in scene.objects:
            mask = mask_to_grid(label_map(scene) == item.index, 6, 6)
            channel = grid_channel(plain, mask)
            centroid = [(mask * centres).sum() / mask.sum(), (mask * centres[:, None]).sum() / mask.sum()]
            squares = (mask * (centres**2 + centres[:, None] ** 2)).sum() / mask.sum()
            np.testing.assert_allclose(pooled[:, channel], [1, *centroid, squares], atol=1e-4)
