"""Scenes, and how they are sampled from the settings."""

from dataclasses import dataclass

import numpy as np

from gazeshift.data.draws import generator
from gazeshift.data.plates.config import PlatesConfig
from gazeshift.data.plates.layout import REACH, draw_layouts
from gazeshift.data.plates.vocabulary import CATEGORY_OF, DISHES, MODIFIERS, SPLITS
from gazeshift.errors import UsageError


@dataclass(frozen=True)
class PlateObject:
    """One object on the plate.

    Attributes:
        index: its pixel value in the label map, from 1; also the order of painting, so a higher index covers a lower one.
        name: the dish.
        colour: colour word.
        x, y: centre from the upper left corner, as a fraction of the image's side.
        radius: as a fraction of the image's side; the drawing roughly fills a disc of this radius.
        angle: rotation in [-1, 1], as a fraction of this dish's maximum.
    """

    index: int
    name: str
    colour: str
    x: float
    y: float
    radius: float
    angle: float

    @property
    def category(self) -> str:
        """The dish's category."""
        return CATEGORY_OF[self.name]


@dataclass(frozen=True)
class Caption:
    """A text about a scene, with what it says.

    Attributes:
        kind: one of ``KINDS``.
        text: the title.
        referred: index of the object it is about; None if it is about none (``useless``, ``random``, ``none``).
        content: the words that carry the meaning: dish names, category, colour or position; empty if there are none.
        modifier: the adjective, which says nothing about the image (but see ``PlatesConfig.rho``).
    """

    kind: str
    text: str
    referred: int | None
    content: tuple[str, ...] = ()
    modifier: str = ""


@dataclass(frozen=True)
class Scene:
    """A plate with objects; ``seed`` determines the rest of the picture, so it can be rendered again, bit for bit.

    Attributes:
        seed: determines cloth, plate, clutter and small variations of the objects.
        size: side of the image in pixels.
        clutter: amount of crumbs and leaves, in [0, 1].
        plate: x and y of the plate's centre, as fractions of the image's side.
        objects: in painting order; ``objects[i].index == i + 1``.
        target: index of the object whose dish is the label.
        modifier: the adjective of this scene's captions.
    """

    seed: int
    size: int
    clutter: float
    plate: tuple[float, float]
    objects: tuple[PlateObject, ...]
    target: int
    modifier: str

    @property
    def label(self) -> str:
        """The class: the target's dish."""
        return self.object(self.target).name

    def object(self, index: int) -> PlateObject:
        """The object with this index.

        Raises:
            UsageError: the scene has no such object.
        """
        if not 1 <= index <= len(self.objects):
            raise UsageError(f"plates: the scene has objects 1 to {len(self.objects)}, not {index}.")
        return self.objects[index - 1]


def sample_scene(config: PlatesConfig, split: str, index: int) -> Scene:
    """Scene number ``index`` of a split; depends only on settings, split and index.

    Example:
        >>> scene = sample_scene(PlatesConfig(), "train", 0)
        >>> scene.label == scene.object(scene.target).name
        True
    """
    if split not in SPLITS:
        raise UsageError(f"plates: unknown split {split!r}. Known: {', '.join(SPLITS)}.")
    rng = generator(config.seed, SPLITS.index(split), index)
    here = config.for_split(split)
    k = int(rng.integers(here.objects[0], here.objects[1] + 1))
    layouts = draw_layouts(here, k, 1, rng)
    # The painting order is shuffled: it must not betray the largest object or the target.
    order = rng.permutation(k)
    names = [here.dishes[i] for i in rng.permutation(len(here.dishes))[:k]]
    colours = _colours(here, split, names, rng)
    plate = 0.5 + rng.uniform(-0.015, 0.015, 2)
    centres = plate + layouts.places[0, order] * REACH
    radii, angles = layouts.radii[0, order], rng.uniform(-1, 1, k)
    objects = tuple(
        PlateObject(i + 1, names[i], colours[i], *map(float, (*centres[i], radii[i], angles[i]))) for i in range(k)
    )
    target = int(np.flatnonzero(order == layouts.targets[0])[0]) + 1
    modifier = draw_modifier(here, split, objects[target - 1].name, rng)
    seed = int(rng.integers(0, 2**62))
    return Scene(seed, here.size, here.clutter, (float(plate[0]), float(plate[1])), objects, target, modifier)


def kept_back(config: PlatesConfig, name: str) -> str:
    """The colour of a dish that only the test split shows when ``swap`` is ``combinations``."""
    return config.colours[DISHES.index(name) % config.n_colours]


def _colours(config: PlatesConfig, split: str, names: list[str], rng: np.random.Generator) -> list[str]:
    """A colour for each dish, distinct as long as there are enough, independent of which object is the target."""
    if config.swap == "combinations" and split == "test":
        return [kept_back(config, name) for name in names]
    pool = list(config.colours)
    for _ in range(50):
        shuffled = [pool[i] for i in rng.permutation(len(pool))]
        colours = (shuffled * len(names))[: len(names)]
        if config.swap != "combinations" or all(c != kept_back(config, n) for c, n in zip(colours, names, strict=True)):
            return colours
    return [next(c for c in pool if c != kept_back(config, name)) for name in names]


def draw_modifier(config: PlatesConfig, split: str, label: str, rng: np.random.Generator) -> str:
    """The adjective of a scene's captions: with probability ``rho`` the label's own, else a random one."""
    own = config.dishes.index(label)
    if config.swap == "words" and split == "test":
        own = (own + 1) % len(config.dishes)
    tied, free = rng.random() < config.rho, int(rng.integers(0, len(config.dishes)))
    return MODIFIERS[own if tied else free]
