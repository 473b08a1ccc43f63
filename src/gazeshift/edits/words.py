"""Colour words, position words, and the paper's own two texts."""

import numpy as np

from gazeshift.edits.edit import Corpus, Edited, TextEdit
from gazeshift.pairs import Pair, SceneCaption

COLOURS = ("red", "green", "yellow", "orange", "brown", "white", "black", "pink", "purple", "blue")
POSITIONS = (
    "at the top left",
    "at the top right",
    "at the bottom left",
    "at the bottom right",
    "on the left",
    "on the right",
    "at the top",
    "at the bottom",
    "in the corner",
    "near the edge",
)
PAPER_COLOUR = "red tomato ketchup"
PAPER_POSITION = "top left white plate"


def _from_scene(pair: Pair, kind: str, rng: np.random.Generator) -> Edited | None:
    """A true caption of a kind about the referred object, where the scene is known."""
    referred = {scene_object.index for scene_object in pair.objects if scene_object.referred}
    return choose([caption for caption in pair.captions if caption.kind == kind and caption.referred in referred], rng)


def choose(captions: list[SceneCaption], rng: np.random.Generator) -> Edited | None:
    """One of some captions, or None if there is none."""
    if not captions:
        return None
    caption = captions[int(rng.integers(len(captions)))]
    return Edited(caption.text, caption.referred)


def colour(corpus: Corpus) -> TextEdit:
    """A colour word before the text; in a known scene, a true caption by colour instead.

    Example:
        >>> edit = colour(Corpus({}, ()))
        >>> edit(Pair("a", b"", "apple pie", "pie", "test"), np.random.default_rng(0)).text
        'purple apple pie'
    """

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        if pair.captions:
            return _from_scene(pair, "colour", rng)
        return Edited(f"{COLOURS[int(rng.integers(len(COLOURS)))]} {pair.text}".strip())

    return edit


def position(corpus: Corpus) -> TextEdit:
    """A position after the text; in a known scene, a true caption by position instead."""

    def edit(pair: Pair, rng: np.random.Generator) -> Edited | None:
        if pair.captions:
            return _from_scene(pair, "position", rng)
        return Edited(f"{pair.text} {POSITIONS[int(rng.integers(len(POSITIONS)))]}".strip())

    return edit


def paper_colour(corpus: Corpus) -> TextEdit:
    """The paper's colour text, verbatim, for every image."""
    return lambda pair, rng: Edited(PAPER_COLOUR)


def paper_position(corpus: Corpus) -> TextEdit:
    """The paper's position text, verbatim, for every image."""
    return lambda pair, rng: Edited(PAPER_POSITION)
