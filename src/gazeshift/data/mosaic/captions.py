"""Captions of mosaics: what is true of a tile, and templates to say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from gazeshift.data.mosaic.config import KINDS, SAY_NOTHING, TITLE
from gazeshift.data.mosaic.grid import spoken_place
from gazeshift.names import spoken
from gazeshift.pairs import SceneCaption

TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "class": ("{0}", "a photo of {0}", "this is {0}", "here we have {0}"),
        "two": ("{0} or {1}", "either {0} or {1}", "a photo of {0} or {1}", "is it {0} or {1}"),
        "position": ("the one {0}", "the photo {0}", "look {0}", "what do we have {0}"),
        "both": ("{0} {1}", "a photo of {0} {1}", "look {1}: {0}", "the one {1} is {0}"),
        "absent": ("{0}", "a photo of {0}", "this is {0}", "here we have {0}"),
        "title": ("{0}", "a photo of {0}", "this is {0}", "here we have {0}"),
        "useless": ("some photos", "one of several photos", "a picture of pictures", "what is this"),
    }
)
"""Ways to say each kind; the numbers are the words of ``Said.content`` as spoken."""


@dataclass(frozen=True)
class Said:
    """What a caption says, before it is put into words.

    Attributes:
        kind: one of ``KINDS``.
        referred: index of the tile it is about, from 1; None if it does not tell which (``absent``, ``useless``), or
            there is none (``title``).
        content: class names and the place that carry the meaning.
    """

    kind: str
    referred: int | None
    content: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """What a mosaic shows, as far as captions go.

    Attributes:
        names: class of each tile, row by row.
        places: place of each tile, likewise.
        classes: all classes; those that no tile has are absent.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def absent(self) -> list[str]:
        """The classes that no tile has."""
        return [name for name in self.classes if name not in self.names]


def say(shown: Shown, kind: str, tile: int, rng: np.random.Generator) -> Said:
    """What a caption of a kind says of a tile; the absent class, if it names one, the order of two, and what a title names are drawn.

    Args:
        shown: the mosaic.
        kind: one of ``KINDS``; ``two`` and ``absent`` need an absent class.
        tile: index of the tile, from 1; a title may be about another one, or none.
        rng: draws.

    Example:
        >>> shown = Shown(("pie", "sushi"), ("left", "right"), ("pie", "ramen", "sushi"))
        >>> say(shown, "both", 2, np.random.default_rng(0)).content
        ('sushi', 'right')
        >>> sorted(say(shown, "two", 1, np.random.default_rng(0)).content)
        ['pie', 'ramen']
    """
    name, place = shown.names[tile - 1], shown.places[tile - 1]
    if kind == TITLE:
        named = shown.classes[int(rng.integers(len(shown.classes)))]
        return Said(kind, shown.names.index(named) + 1 if named in shown.names else None, (named,))
    fixed = {"class": (name,), "position": (place,), "both": (name, place), "useless": ()}
    if kind in fixed:
        content: tuple[str, ...] = fixed[kind]
    else:
        other = shown.absent[int(rng.integers(len(shown.absent)))]
        content = (other,) if kind == "absent" else (name, other) if rng.random() < 0.5 else (other, name)
    return Said(kind, None if kind in SAY_NOTHING else tile, content)


def worded(said: Said, template: int = 0) -> str:
    """The words of a caption in one template.

    Example:
        >>> worded(Said("both", 1, ("apple_pie", "top left")), 2)
        'look at the top left: apple pie'
    """
    speak = {"position": (spoken_place,), "both": (spoken, spoken_place)}.get(said.kind, (spoken, spoken))
    words = [how(word) for how, word in zip(speak, said.content, strict=False)]
    return TEMPLATES[said.kind][template].format(*words)


def template_of(kind: str, rng: np.random.Generator, without: str | None = None, said: Said | None = None) -> int:
    """The number of a random template of a kind.

    Args:
        kind: one of ``KINDS``.
        rng: draws.
        without: a text that it must not give for ``said``.
        said: see ``without``.
    """
    numbers = [n for n in range(len(TEMPLATES[kind])) if said is None or worded(said, n) != without]
    return numbers[int(rng.integers(len(numbers)))]


def scene_captions(shown: Shown, own: Said, text: str, rng: np.random.Generator) -> tuple[SceneCaption, ...]:
    """Every valid caption of a mosaic: the pair's own, the same in other words, and what else is true of each tile.

    Each kind is said once of each tile, in its first template; of the pairs of classes that ``two`` could name one for each tile, drawn.
    ``absent`` and ``title`` need be true of no tile and occur only if they are the pair's own.

    Args:
        shown: the mosaic.
        own: what the pair's own caption says.
        text: its words.
        rng: draws the paraphrase and the absent classes.

    Example:
        >>> shown = Shown(("pie", "sushi"), ("left", "right"), ("pie", "sushi"))
        >>> own = Said("class", 1, ("pie",))
        >>> [each.text for each in scene_captions(shown, own, "pie", np.random.default_rng(0))][2:5]
        ['pie', 'sushi', 'the one on the left']
    """
    again = worded(own, template_of(own.kind, rng, text, own))
    kinds = [kind for kind in KINDS if kind not in {*SAY_NOTHING, TITLE} and (kind != "two" or shown.absent)]
    others = [say(shown, kind, tile, rng) for kind in kinds for tile in range(1, len(shown.names) + 1)]
    said: Sequence[tuple[Said, str]] = [
        (own, text),
        (own, again),
        *((each, worded(each)) for each in (*others, Said("useless", None))),
    ]
    return tuple(SceneCaption(each.kind, words, each.referred, " ".join(each.content)) for each, words in said)
