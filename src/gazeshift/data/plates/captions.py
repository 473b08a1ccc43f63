"""Titles about a scene: what is true of an object, and templates to say it."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from gazeshift.data.plates.config import POSITIONS, PlatesConfig
from gazeshift.data.plates.scene import Caption, Scene
from gazeshift.data.plates.vocabulary import DISHES
from gazeshift.errors import UsageError
from gazeshift.names import spoken

MARGIN = 0.06
"""How much further out than all others an object must lie to be the one on the left (right, top, bottom), and how far
from the plate's axes to be the one in a quadrant, as a fraction of the image's side."""

TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dish": (
            "{m} {0} recipe",
            "{m} {0}s at home",
            "how to make a {m} {0}",
            "our {m} {0} for sunday",
            "{0}: a {m} favourite",
        ),
        "two": (
            "{m} {0} or {1}",
            "{0} and {1}, {m} recipes",
            "{0} versus {1}: which is the {m} one",
            "a {m} {0} beside a {1}",
        ),
        "category": ("a {m} {0} for sunday", "{m} {0} recipe", "the {0} of the week, {m}", "how to make a {m} {0}"),
        "colour": ("the {m} {0} one", "{m} recipe in {0}", "make it {0}: a {m} idea", "how to make the {0} one, {m}"),
        "position": ("the {m} one {0}", "the one {0}, {m} recipe", "look {0}: a {m} idea", "{m} recipe, the one {0}"),
        "redundant": (
            "{m} {1} {0}, a {2}",
            "a {m} {2}: the {1} {0}",
            "{1} {0} recipe, our {m} {2}",
            "how to make a {m} {1} {0}, a {2}",
        ),
        "useless": (
            "{m} weeknight dinner",
            "{m} recipes for the family",
            "what we cooked this week, {m}",
            "a {m} table for friends",
        ),
        "random": ("{0}",),
        "none": ("",),
    }
)
"""Ways to say each kind; ``{m}`` is the adjective, the numbers are the words of ``Caption.content`` as spoken."""

SITES: tuple[str, ...] = ("", "", " - kitchen notes", " | the small plate", " - supper club", " | a spoon and a bowl")

CATEGORY_WORDS: Mapping[str, str] = MappingProxyType(
    {"pastry": "pastry from the oven", "steamed": "savoury bite", "crisp": "crisp bake", "stick": "treat on a stick"}
)

POSITION_WORDS: Mapping[str, str] = MappingProxyType(
    {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}
    | {word: f"at the {word}" for word in POSITIONS if " " in word}
)

_RANDOM_WORDS = (
    "table",
    "garden",
    "letter",
    "window",
    "morning",
    "river",
    "paper",
    "music",
    "seven",
    "after",
    "under",
    "visit",
)


def contents(
    scene: Scene, kind: str, referred: int, dishes: Sequence[str] = DISHES, positions: Sequence[str] = POSITIONS
) -> list[tuple[str, ...]]:
    """Everything that a caption of this kind can truly say about one object and no other in the scene; empty if nothing.

    Args:
        scene: the scene.
        kind: one of ``KINDS``.
        referred: index of the object.
        dishes: the dishes in use, for the absent ones that ``two`` names.
        positions: position words in use.
    """
    item, others = scene.object(referred), [o for o in scene.objects if o.index != referred]
    present = {o.name for o in scene.objects}
    if kind == "two":
        absent = [name for name in dishes if name not in present]
        return [pair for name in absent for pair in ((item.name, name), (name, item.name))]
    if kind == "position":
        return [(word,) for word in positions if _lies(scene, referred, word)]
    words: dict[str, list[tuple[str, ...]]] = {
        "dish": [(item.name,)],
        "category": [(item.category,)] if all(o.category != item.category for o in others) else [],
        "colour": [(item.colour,)] if all(o.colour != item.colour for o in others) else [],
        "redundant": [(item.name, item.colour, item.category)],
        "useless": [()],
        "none": [()],
        "random": [()],
    }
    if kind not in words:
        raise UsageError(f"plates: unknown caption kind {kind!r}. Known: {', '.join(TEMPLATES)}.")
    return words[kind]


def _lies(scene: Scene, referred: int, word: str) -> bool:
    """Whether a position word is true of this object and clearly false of all others."""
    outward = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1), "upper": (0, -1), "lower": (0, 1)}
    place = {o.index: (o.x - scene.plate[0], o.y - scene.plate[1]) for o in scene.objects}
    own = place.pop(referred)
    axes = [outward[part] for part in word.split()]
    if len(axes) == 1:
        ((dx, dy),) = axes
        return all(own[0] * dx + own[1] * dy > x * dx + y * dy + MARGIN for x, y in place.values())
    (ax, ay), (bx, by) = axes
    inside = min(own[0] * ax + own[1] * ay, own[0] * bx + own[1] * by) > MARGIN
    return inside and not any(x * ax + y * ay > -MARGIN and x * bx + y * by > -MARGIN for x, y in place.values())


def phrase(kind: str, content: Sequence[str], modifier: str, template: int = 0, site: str = "") -> str:
    """The words of a caption in one template.

    Example:
        >>> phrase("two", ("moon_pie", "rice_ball"), "easy")
        'easy moon pie or rice ball'
    """
    speak = {"category": CATEGORY_WORDS, "position": POSITION_WORDS}.get(kind, {})
    words = [
        CATEGORY_WORDS.get(word, spoken(word)) if kind == "redundant" else speak.get(word, spoken(word))
        for word in content
    ]
    text = re.sub(r"\ba (?=[aeiou])", "an ", TEMPLATES[kind][template].format(*words, m=modifier))
    return (text + site).strip() if kind != "none" else ""


def caption_for(
    scene: Scene,
    kind: str,
    referred: int,
    rng: np.random.Generator,
    *,
    dishes: Sequence[str] = DISHES,
    positions: Sequence[str] = POSITIONS,
) -> Caption | None:
    """A random caption of a kind about one object; None if this kind can say nothing that is true only of it.

    Args:
        scene: the scene.
        kind: one of ``KINDS``.
        referred: index of the object the text is about.
        rng: chooses content, template and site.
        dishes: the dishes in use, for the absent ones that ``two`` names.
        positions: position words in use.

    Example:
        >>> from gazeshift.data.plates import PlatesConfig
        >>> from gazeshift.data.plates.scene import sample_scene
        >>> scene = sample_scene(PlatesConfig(), "train", 0)
        >>> caption = caption_for(scene, "dish", scene.target, np.random.default_rng(0))
        >>> caption.content == (scene.label,)
        True
    """
    options = contents(scene, kind, referred, dishes, positions)
    if not options:
        return None
    content = options[rng.integers(len(options))]
    if kind == "random":
        content = (" ".join(rng.choice(_RANDOM_WORDS, 4, replace=False)),)
    return _worded(kind, content, None if kind in ("useless", "random", "none") else referred, scene.modifier, rng)


def _worded(
    kind: str, content: tuple[str, ...], referred: int | None, modifier: str, rng: np.random.Generator
) -> Caption:
    template, site = int(rng.integers(len(TEMPLATES[kind]))), SITES[rng.integers(len(SITES))]
    return Caption(kind, phrase(kind, content, modifier, template, site), referred, content, modifier)


def paraphrase(caption: Caption, rng: np.random.Generator) -> Caption:
    """The same content in other words: another template and site, the same adjective; unchanged for ``none`` and ``random``.

    Example:
        >>> caption = Caption("dish", "easy donut recipe", 1, ("donut",), "easy")
        >>> other = paraphrase(caption, np.random.default_rng(0))
        >>> other.text != caption.text and other.content == caption.content
        True
    """
    if caption.kind in ("none", "random"):
        return caption
    while (
        other := _worded(caption.kind, caption.content, caption.referred, caption.modifier, rng)
    ).text == caption.text:
        pass
    return other


def draw_caption(config: PlatesConfig, scene: Scene, rng: np.random.Generator) -> Caption:
    """The caption of a scene in the data set: its kind is drawn from ``config.mix``, among the kinds that apply.

    Raises:
        UsageError: no kind in the mix applies to this scene.
    """
    referred = scene.target
    if rng.random() >= config.right_captions:
        referred = int(rng.choice([o.index for o in scene.objects if o.index != scene.target]))
    kinds = [kind for kind, weight in config.mix.items() if weight > 0]
    weights = np.array([config.mix[kind] for kind in kinds], np.float64)
    while weights.sum() > 0:
        chosen = int(rng.choice(len(kinds), p=weights / weights.sum()))
        caption = caption_for(scene, kinds[chosen], referred, rng, dishes=config.dishes, positions=config.positions)
        if caption is not None:
            return caption
        weights[chosen] = 0
    raise UsageError(f"plates: none of the caption kinds {', '.join(kinds)} fits a scene; add dish or useless to mix.")


def all_captions(scene: Scene, dishes: Sequence[str] = DISHES, positions: Sequence[str] = POSITIONS) -> list[Caption]:
    """Every valid caption of a scene: each kind, each object, each true content, in the same wording (the kind's first template).

    ``useless`` and ``none`` occur once; ``random`` cannot be valid and is left out. The adjective is the scene's.

    Example:
        >>> from gazeshift.data.plates import PlatesConfig
        >>> from gazeshift.data.plates.scene import sample_scene
        >>> captions = all_captions(sample_scene(PlatesConfig(), "train", 0))
        >>> {"dish", "two", "useless", "none"} <= {caption.kind for caption in captions}
        True
    """
    about = [
        Caption(kind, phrase(kind, content, scene.modifier), item.index, content, scene.modifier)
        for kind in ("dish", "two", "category", "colour", "position", "redundant")
        for item in scene.objects
        for content in contents(scene, kind, item.index, dishes, positions)
    ]
    return [
        *about,
        *(Caption(kind, phrase(kind, (), scene.modifier), None, (), scene.modifier) for kind in ("useless", "none")),
    ]
