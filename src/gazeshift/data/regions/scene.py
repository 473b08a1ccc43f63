"""The objects of a pair's scene, from the regions that its source gives."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gazeshift.data.locate import alike_form
from gazeshift.pairs import SceneObject, Shape


@dataclass(frozen=True)
class Region:
    """One region as a source gives it.

    Attributes:
        name: what it is; empty: what the class of its pair says.
        shapes: where it is.
        phrase: the words of a text that name it, if they are known.
        colour: its colour word, if it is known.
        referred: whether the text refers to it; None if the source does not say.
    """

    name: str
    shapes: tuple[Shape, ...]
    phrase: str = ""
    colour: str = ""
    referred: bool | None = None


@dataclass
class _Gathered:
    """The regions of one name: they are one object."""

    name: str
    shapes: list[Shape] = field(default_factory=list)
    colours: set[str] = field(default_factory=set)
    said: list[bool] = field(default_factory=list)
    named: bool = False


def scene_objects(regions: Sequence[Region], label: str, text: str) -> tuple[SceneObject, ...]:
    """One object for each name, numbered from 1 in the order of the source; regions of one name are one object (three dogs: all of them).

    The text refers to an object if the source says so; or its name is the class; or the text holds its name or phrase as whole words. If
    none of that holds of any, and there is only one object, the text refers to that.

    Args:
        regions: the regions of the picture.
        label: class of the pair, which a region without a name is of.
        text: the pair's own text.

    Example:
        >>> objects = scene_objects([Region("dog", ()), Region("red ball", ()), Region("dog", ())], "pets", "A dog sleeps.")
        >>> [(each.name, each.index, each.referred) for each in objects]
        [('dog', 1, True), ('red ball', 2, False)]
    """
    gathered: dict[str, _Gathered] = {}
    for region in regions:
        name = region.name or label
        found = gathered.setdefault(alike_form(name), _Gathered(name))
        found.shapes += region.shapes
        found.colours.add(region.colour)
        found.said += [] if region.referred is None else [region.referred]
        phrases = (region.name, region.phrase)
        found.named |= alike_form(name) == alike_form(label) or any(occurs(phrase, text) for phrase in phrases)
    objects = list(gathered.values())
    referred = [any(found.said) if found.said else found.named for found in objects]
    if len(objects) == 1 and not objects[0].said:
        referred = [True]
    return tuple(
        SceneObject(
            found.name, found.colours.pop() if len(found.colours) == 1 else "", index, refers, tuple(found.shapes)
        )
        for index, (found, refers) in enumerate(zip(objects, referred, strict=True), start=1)
    )


def occurs(phrase: str, text: str) -> bool:
    """Whether a text holds a phrase as whole words, in any case and with any spaces between them.

    Example:
        >>> occurs("Hot dog", "Two hot  dogs and a hot dog."), occurs("dog", "hotdogs"), occurs("", "x")
        (True, False, False)
    """
    words = alike_form(phrase)
    return bool(words) and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", alike_form(text)) is not None
