"""A figure fit for a paper: for each model the picture, its map before and after a change of the text, and the difference."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from PIL import Image

from gazeshift.drawing.fonts import STAND_IN, typeface
from gazeshift.drawing.numbers import visible
from gazeshift.drawing.overlay import hatched, pale

WIDTH = 7.2
"""Inches: the text's width of a page with two columns."""

_ROW, _HEAD, _LINE, _FOOT = 1.95, 0.42, 0.17, 0.72
_CHARACTERS = 104
"""In a line of the texts."""

_OPACITY = 0.8
_INK, _SOFT = "#1c1e22", "#5c5f66"

Kind = Literal["png", "svg"]


@dataclass(frozen=True)
class GazeRow:
    """A model before the picture.

    Attributes:
        name: the model's.
        view: the picture as the model sees it.
        before: share of the map in each cell with the text before; None where it is undefined.
        after: the same with the text after.
        explained: the classes that the two maps are of.
        distance: how far the map moved: Jensen-Shannon distance, 0 to 1; None where it is undefined.
    """

    name: str
    view: Image.Image
    before: Float[np.ndarray, "h w"] | None
    after: Float[np.ndarray, "h w"] | None
    explained: tuple[str, str]
    distance: float | None


def gaze_figure(rows: Sequence[GazeRow], texts: tuple[str, str], kind: Kind) -> bytes:
    """Draw it; all maps share one scale: how many times the share of an even map a cell has.

    Args:
        rows: one for each model.
        texts: before and after.
        kind: ``png`` with 300 dots an inch, or ``svg``, in which text is drawn as outlines.

    Returns:
        the file's bytes, the same for the same figure.

    Example:
        >>> even = np.full((4, 4), 1 / 16)
        >>> row = GazeRow("early-fusion", Image.new("RGB", (32, 32)), even, None, ("pie", "pie"), None)
        >>> gaze_figure([row], ("a pie", ""), "png")[1:4]
        b'PNG'
    """
    face = typeface([*texts, *(part for row in rows for part in (row.name, *row.explained)), STAND_IN])
    drawn = str.maketrans(dict.fromkeys(face.missing, STAND_IN))
    families = [FontProperties(fname=path).get_name() for path in face.paths]
    lines = [
        line
        for name, text in zip(("before", "after"), texts, strict=True)
        for line in textwrap.wrap(f"{name}: {_quoted(text)}".translate(drawn), _CHARACTERS)
    ]
    with mpl.rc_context({"font.family": families, "font.size": 8, "svg.hashsalt": "gazeshift"}):
        figure = _drawn(rows, lines, drawn)
        file = io.BytesIO()
        figure.savefig(file, format=kind, dpi=300, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return file.getvalue()


def _quoted(text: str) -> str:
    return f"“{' '.join(visible(text).split())}”" if text.strip() else "no text"


def _drawn(rows: Sequence[GazeRow], lines: Sequence[str], drawn: dict[int, str]) -> Figure:
    head = _HEAD + _LINE * len(lines)
    height = head + _ROW * len(rows) + _FOOT
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    for place, line in enumerate(lines):
        figure.text(0.012, 1 - (0.1 + _LINE * place) / height, line, va="top", color=_INK, parse_math=False)
    grid = figure.add_gridspec(
        len(rows), 4, left=0.012, right=0.988, top=1 - head / height, bottom=_FOOT / height, wspace=0.05, hspace=0.3
    )
    top, most = _scales(rows)
    for place, row in enumerate(rows):
        panels = [figure.add_subplot(grid[place, column]) for column in range(4)]
        _row(panels, row, top, most, drawn, titles=place == 0)
    _bar(figure, (0.262, 0.25), mpl.colormaps["inferno"], Normalize(0, top), "times the share of an even map", height)
    _bar(figure, (0.75, 0.22), CHANGE, Normalize(-most, most), "after − before", height)
    return figure


def _scales(rows: Sequence[GazeRow]) -> tuple[float, float]:
    """The largest value of any map, and of any difference, in times the share of an even map."""
    maps = [each * each.size for row in rows for each in (row.before, row.after) if each is not None]
    changes = [abs(change).max() for row in rows if (change := _change(row)) is not None]
    top = max((float(each.max()) for each in maps), default=1.0)
    return top, max(float(max(changes, default=0.0)), top / 4)


def _change(row: GazeRow) -> Float[np.ndarray, "h w"] | None:
    if row.before is None or row.after is None:
        return None
    return (row.after - row.before) * row.after.size


def _row(panels: Sequence[Axes], row: GazeRow, top: float, most: float, drawn: dict[int, str], *, titles: bool) -> None:
    base = pale(row.view)
    before, after = (None if each is None else each * each.size / top for each in (row.before, row.after))
    change = _change(row)
    images = (
        np.asarray(row.view.convert("RGB")),
        _over(base, before, mpl.colormaps["inferno"]),
        _over(base, after, mpl.colormaps["inferno"]),
        _over(base, None if change is None else change / most, CHANGE),
    )
    moved = "" if row.distance is None else f"JS distance {row.distance:.2f}"
    below = (row.name, *row.explained, moved)
    for panel, image, title, said in zip(
        panels, images, ("picture", "before", "after", "after − before"), below, strict=True
    ):
        panel.imshow(image)
        panel.set_axis_off()
        if titles:
            panel.set_title(title, fontsize=8, color=_SOFT, pad=3)
        shown = textwrap.shorten(visible(said).translate(drawn), 34, placeholder="…")
        panel.text(
            0.5,
            -0.03,
            shown,
            transform=panel.transAxes,
            ha="center",
            va="top",
            color=_INK,
            fontsize=8,
            parse_math=False,
        )


def _over(base: Float[np.ndarray, "H W 3"], values: Float[np.ndarray, "h w"] | None, colours: Colormap) -> np.ndarray:
    """Colours over a pale picture, the stronger the farther a value, from -1 or 0 to 1, is from 0."""
    if values is None:
        return hatched(base)
    grid = Image.fromarray(values.astype(np.float32)).resize(base.shape[1::-1], Image.Resampling.BILINEAR)
    value = np.clip(np.asarray(grid), -1, 1)
    place = value if colours is not CHANGE else (value + 1) / 2
    over = (_OPACITY * abs(value))[..., None]
    return np.asarray((base * (1 - over) + colours(place)[..., :3] * 255 * over).round().astype(np.uint8))


def _bar(
    figure: Figure, place: tuple[float, float], colours: Colormap, scale: Normalize, said: str, height: float
) -> None:
    left, width = place
    ends = (-1, 1) if colours is CHANGE else (0, 1)
    drawn = (
        _over(np.full((1, 256, 3), 150.0), np.linspace(*ends, 256)[None], colours)[0] / 255
    )  # as over a pale picture
    axes = figure.add_axes((left, 0.4 / height, width, 0.07 / height))
    bar = figure.colorbar(ScalarMappable(scale, ListedColormap(drawn)), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2, color=_SOFT)
    bar.set_label(said, fontsize=7, color=_SOFT, labelpad=1)


CHANGE = LinearSegmentedColormap.from_list(
    "change", ["#2166ac", "#4393c3", "#92c5de", "#ffffff", "#fdb863", "#e6821e", "#b35806"]
)
"""Blue: mass is lost; orange: it is gained. They are told apart in every common kind of colour blindness."""
