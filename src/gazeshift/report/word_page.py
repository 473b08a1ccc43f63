"""A page of the effects of a text's words: like the picture, in any language a browser can show, with every word's map."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image

from gazeshift.drawing.coloured import coloured_words, strongest_words, without
from gazeshift.drawing.numbers import language, shown
from gazeshift.drawing.overlay import Quality, colour_bar, data_uri, is_undefined, overlay, shrunk
from gazeshift.drawing.remarks import CUT
from gazeshift.drawing.word_sheet import TAKEN, UNDEFINED
from gazeshift.report.environment import page_environment
from gazeshift.saliency import WordEffects

SHOWN = 24
"""How many words' maps the page shows."""


@dataclass(frozen=True)
class _Panel:
    title: str
    word: str | None
    note: str
    source: str


def word_page(
    crop: Image.Image,
    effects: WordEffects,
    key: str,
    model: str,
    how: str = "leave-out",
    count: int = SHOWN,
    *,
    cut: bool = False,
) -> str:
    """The page as HTML, in one file; all text in it is escaped.

    Args:
        crop: the image as the model sees it.
        effects: as ``word_effects`` gives them.
        key: the image's name.
        model: the model's name.
        how: how the words were removed.
        count: number of words with a drawn map, those that move the map farthest.
        cut: whether the text is longer than the model reads; the page says so.
    """
    quality = Quality(edge=320, jpeg=88)
    picture = shrunk(crop, quality.edge)

    def note(raw: Float[np.ndarray, "h w"], otherwise: str) -> str:
        return UNDEFINED if is_undefined(raw) else otherwise

    words = coloured_words(effects)
    panels = [
        _Panel("the image", None, "", data_uri(picture, quality)),
        _Panel(
            "map with the whole text", None, note(effects.whole, ""), data_uri(overlay(picture, effects.whole), quality)
        ),
    ]
    for index in strongest_words(effects, count):
        raw, moved = without(effects, index), f"moved {shown(words[index].bits, 'bits')} bits"
        drawn = data_uri(overlay(picture, raw), quality)
        panels.append(_Panel(TAKEN[how], words[index].text, note(raw, moved), drawn))
    return (
        page_environment(quality)
        .get_template("words.html.j2")
        .render(
            key=key,
            model=model,
            how=how,
            text=effects.text,
            explained=effects.explained,
            coloured=words,
            panels=panels,
            cut=CUT if cut else "",
            language=language,
            scale=data_uri(colour_bar(), Quality(256, 90)),
        )
    )
