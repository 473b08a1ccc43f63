"""What the one-picture sheets share: their measures, and what they give."""

from dataclasses import dataclass

from PIL import Image

WIDTH, MARGIN, GAP = 1240, 24, 16
COLUMNS = 5
PANEL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
BODY, SMALL = 19, 14
"""Heights of letters."""
SOFT = "#5a5f69"


@dataclass(frozen=True)
class Sheet:
    """A picture of results.

    Attributes:
        image: the picture.
        missing: characters that no font on this machine has; they are drawn as squares.
    """

    image: Image.Image
    missing: str


def shortened(word: str, most: int = 40) -> str:
    """A word truncated to a length.

    Example:
        >>> shortened("abcdef", 4)
        'abc…'
    """
    return word if len(word) <= most else f"{word[: most - 1]}…"


def within(picture: Image.Image, edge: int) -> Image.Image:
    """A picture enlarged or shrunk so that its longer side is ``edge``; its shape stays.

    Example:
        >>> within(Image.new("RGB", (20, 10)), 100).size
        (100, 50)
    """
    scale = edge / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
