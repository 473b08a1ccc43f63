"""Crops with exactly one object, to pretrain an image trunk on; a substitute for ImageNet."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Int, UInt8

from gazeshift.data.plates.config import PlatesConfig
from gazeshift.data.plates.draw import Window, render
from gazeshift.data.plates.layout import REACH
from gazeshift.data.plates.scene import PlateObject, Scene, sample_scene
from gazeshift.registry import known_name


def single_objects(
    config: PlatesConfig, n: int, seed: int, crop: int | None = None
) -> tuple[UInt8[np.ndarray, "n 3 s s"], Int[np.ndarray, " n"]]:
    """Draw crops of scenes with one object, off-centre by up to a quarter of the object's radius more than fits.

    Args:
        config: dishes, colours, sizes, clutter and image size; the number of objects decides the object's size.
        n: number of crops.
        seed: random seed of the crops; they share no scene with the data set of the same settings.
        crop: side of the crops in pixels; half of ``config.size`` if None.

    Returns:
        The crops, and the class of each as an index into ``config.dishes``.

    Example:
        >>> images, labels = single_objects(PlatesConfig(size=64), n=3, seed=0)
        >>> images.shape, labels.shape
        ((3, 3, 32, 32), (3,))
    """
    images, items = _crops(config, n, seed, crop)
    return images, np.array([config.dishes.index(item.name) for item in items], np.int64)


def kinds(config: PlatesConfig, by: str = "colour") -> tuple[str, ...]:
    """Every dish in every colour or place, for example ``red donut`` or ``upper left donut``: the classes of ``single_kinds``."""
    return tuple(f"{kind} {name}" for name in config.dishes for kind in _KINDS[by](config))


def single_kinds(
    config: PlatesConfig, n: int, seed: int, by: str = "colour", crop: int | None = None
) -> tuple[UInt8[np.ndarray, "n 3 s s"], Int[np.ndarray, " n"]]:
    """The crops of ``single_objects``, labelled by dish and one more property, so that a trunk learns to bind the two.

    Args:
        config: as for ``single_objects``.
        n: number of crops.
        seed: random seed of the crops.
        by: ``colour``, or ``place`` (thirds of the plate across and down; sensible with whole images, ``crop=config.size``).
        crop: side of the crops in pixels; half of ``config.size`` if None.

    Returns:
        The crops, and the class of each as an index into ``kinds(config, by)``.

    Raises:
        UsageError: ``by`` is anything else.

    Example:
        >>> config = PlatesConfig(size=64)
        >>> len(kinds(config)), int(single_kinds(config, n=3, seed=0)[1].max()) < 32
        (32, True)
    """
    by = known_name(_KINDS, by, "label of single objects")
    images, items = _crops(config, n, seed, crop)
    places = {kind: place for place, kind in enumerate(kinds(config, by))}
    return images, np.array([places[f"{_OF[by](item)} {item.name}"] for item in items], np.int64)


_ACROSS, _DOWN = ("left", "middle", "right"), ("upper", "central", "lower")
_KINDS: dict[str, Callable[[PlatesConfig], tuple[str, ...]]] = {
    "colour": lambda config: config.colours,
    "place": lambda config: tuple(f"{down} {across}" for down in _DOWN for across in _ACROSS),
}
_OF: dict[str, Callable[[PlateObject], str]] = {
    "colour": lambda item: item.colour,
    "place": lambda item: f"{_DOWN[_third(item.y)]} {_ACROSS[_third(item.x)]}",
}


def _third(place: float) -> int:
    """Which third of the objects' range on a plate; each third holds roughly the same number."""
    return int(place > 0.5 - REACH / 3) + int(place > 0.5 + REACH / 3)


def _crops(
    config: PlatesConfig, n: int, seed: int, crop: int | None
) -> tuple[UInt8[np.ndarray, "n 3 s s"], list[PlateObject]]:
    side = crop or config.size // 2
    images, items = np.empty((n, 3, side, side), np.uint8), []
    # A different stream from the data set's scenes, whose seeds are never this large.
    source = replace(
        config, seed=config.seed + (seed + 1) * 2**40, swap="none" if config.swap != "combinations" else config.swap
    )
    for i in range(n):
        scene = sample_scene(source, "train", i)
        alone, window = _alone(scene, side)
        images[i] = render(alone, window=window).transpose(2, 0, 1)
        items.append(alone.objects[0])
    return images, items


def _alone(scene: Scene, side: int) -> tuple[Scene, Window]:
    """The scene with only its first object, and a window that contains it."""
    rng = np.random.default_rng(scene.seed)
    item = replace(scene.objects[0], index=1)
    slack = max(2.0, side / 2 - item.radius * scene.size)
    centre = np.array([item.x, item.y]) * scene.size + rng.uniform(-slack, slack, 2)
    left, top = np.clip(np.round(centre - side / 2), 0, max(0, scene.size - side)).astype(int)
    return replace(scene, objects=(item,), target=1), Window(int(left), int(top), side, side)
