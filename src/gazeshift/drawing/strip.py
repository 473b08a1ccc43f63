"""One picture of an image and its maps side by side, numbered; without the texts, so that no language needs a font."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from gazeshift.drawing.overlay import overlay
from gazeshift.drawing.sheet import within

PANEL = 288
GAP = 8
LABEL = 28


def strip(crop: Image.Image, maps: Sequence[Float[np.ndarray, "h w"]], columns: int = 6) -> Image.Image:
    """The crop first, then its maps numbered from 1, in rows of ``columns`` panels; drawn as the report draws them.

    Example:
        >>> strip(Image.new("RGB", (64, 64)), [np.ones((4, 4))] * 2).size
        (888, 324)
    """
    small = within(crop, PANEL)
    panels = [("image", small), *((str(index), overlay(small, raw)) for index, raw in enumerate(maps, start=1))]
    across = min(columns, len(panels))
    down = -(-len(panels) // across)
    sheet = Image.new("RGB", (across * (PANEL + GAP), down * (PANEL + LABEL + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for place, (name, panel) in enumerate(panels):
        left, top = place % across * (PANEL + GAP) + GAP // 2, place // across * (PANEL + LABEL + GAP) + GAP // 2
        draw.text((left, top), name, fill="black", font=font)
        sheet.paste(panel, (left, top + LABEL))
    return sheet
