"""Plates: a synthetic benchmark of plates with dishes and titles, in which the object that the text refers to is known.

Example:
    >>> from gazeshift.data.plates import PlatesConfig, render, scene_and_caption
    >>> scene, caption = scene_and_caption(PlatesConfig(size=64), "train", 0)
    >>> render(scene, without=scene.target).shape
    (64, 64, 3)
"""

from gazeshift.data.plates.captions import caption_for
from gazeshift.data.plates.config import PlatesConfig
from gazeshift.data.plates.draw import label_map, render
from gazeshift.data.plates.layout import image_only_ceiling
from gazeshift.data.plates.readings import readings
from gazeshift.data.plates.scene import Caption, Scene
from gazeshift.data.plates.singles import kinds, single_kinds, single_objects
from gazeshift.data.plates.store import Written, read_scenes, scene_and_caption, write

__all__ = [
    "Caption",
    "PlatesConfig",
    "Scene",
    "Written",
    "caption_for",
    "image_only_ceiling",
    "kinds",
    "label_map",
    "read_scenes",
    "readings",
    "render",
    "scene_and_caption",
    "single_kinds",
    "single_objects",
    "write",
]
