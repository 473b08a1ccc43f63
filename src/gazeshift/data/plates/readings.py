"""One picture with several titles: which dish is meant, and what is said of it, drawn again for the same plate."""

from dataclasses import replace

import numpy as np

from gazeshift.data.draws import generator
from gazeshift.data.plates.captions import draw_caption
from gazeshift.data.plates.config import PlatesConfig
from gazeshift.data.plates.layout import REACH, Layouts, target_posterior
from gazeshift.data.plates.scene import Caption, Scene, draw_modifier
from gazeshift.data.plates.store import scene_and_caption


def readings(config: PlatesConfig, split: str, index: int, count: int) -> list[tuple[Scene, Caption]]:
    """Scene number ``index`` of a split ``count`` times: with its target and caption in the data set, then with others.

    Target, adjective and caption are drawn again given the picture, from the same distribution as in the data set (``target_posterior``),
    so that a model can be shown a picture many times without ever being shown the same pair. Only ``target`` and ``modifier`` differ
    between the scenes, and neither shows in the picture.

    Example:
        >>> scenes = [scene for scene, _ in readings(PlatesConfig(), "train", 0, 20)]
        >>> len({scene.target for scene in scenes}), len({scene.objects for scene in scenes})
        (3, 1)
    """
    scene, caption = scene_and_caption(config, split, index)
    rng = generator(scene.seed, 11)
    here, chances = config.for_split(split), _chances(config.for_split(split), scene)
    found = [(scene, caption)]
    for target in rng.choice(np.arange(len(chances)) + 1, count - 1, p=chances).tolist():
        modifier = draw_modifier(here, split, scene.object(target).name, rng)
        again = replace(scene, target=target, modifier=modifier)
        found.append((again, draw_caption(here, again, rng)))
    return found


def _chances(config: PlatesConfig, scene: Scene) -> np.ndarray:
    """The probability of each object being the target, given the picture."""
    radii = np.array([item.radius for item in scene.objects])
    places = (np.array([(item.x, item.y) for item in scene.objects]) - scene.plate) / REACH
    largest_first = np.argsort(-radii)
    layout = Layouts(places[None, largest_first], radii[None, largest_first], np.zeros(1, np.int64))
    chances = np.empty(len(radii))
    chances[largest_first] = target_posterior(config, layout)[0]
    return chances
