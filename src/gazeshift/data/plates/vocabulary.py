"""What can be on a plate, and the words for it: dishes with their categories, and colours."""

from collections.abc import Mapping
from types import MappingProxyType

CATEGORY_OF: Mapping[str, str] = MappingProxyType(
    {
        "donut": "pastry",
        "croissant": "pastry",
        "dumpling": "steamed",
        "rice_ball": "steamed",
        "star_cookie": "crisp",
        "waffle": "crisp",
        "popsicle": "stick",
        "skewer": "stick",
        "cupcake": "pastry",
        "fish_cake": "steamed",
        "pretzel": "crisp",
        "lollipop": "stick",
    }
)
"""Category of every dish, in the order in which ``PlatesConfig.n_dishes`` takes them: four categories, evenly filled."""

DISHES: tuple[str, ...] = tuple(CATEGORY_OF)

COLOURS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "red": (0.86, 0.20, 0.19),
        "yellow": (0.98, 0.80, 0.22),
        "green": (0.42, 0.68, 0.27),
        "purple": (0.56, 0.36, 0.74),
        "blue": (0.28, 0.53, 0.83),
        "orange": (0.96, 0.55, 0.16),
        "pink": (0.97, 0.58, 0.70),
        "brown": (0.48, 0.29, 0.19),
    }
)
"""Colour words with their sRGB colour in [0, 1], in the order in which ``PlatesConfig.n_colours`` takes them."""

MODIFIERS: tuple[str, ...] = (
    "easy",
    "homemade",
    "cosy",
    "classic",
    "quick",
    "rustic",
    "festive",
    "simple",
    "sunny",
    "lovely",
    "hearty",
    "dainty",
)
"""Adjectives that say nothing about the image; the n-th goes with the n-th class (``PlatesConfig.rho``)."""

SPLITS: tuple[str, ...] = ("train", "test")
